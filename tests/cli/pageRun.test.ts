/** A run that began in a page, with the modules that pages have, and goes on on the command line; and back. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useDevice } from '../../core/index.ts';
import { DataLoader, subset } from '../../data/browser.ts';
import { buildNetwork } from '../../models/browser.ts';
import { SGD } from '../../optim/index.ts';
import {
  beginning,
  type Checkpoint,
  decodeRun,
  encodeRun,
  encodeSettings,
  evaluate,
  imageTransforms,
  LearningRate,
  MemoryMetrics,
  normalisationFor,
  parseSettings,
  resolveSettings,
  settingsFile,
  splitFor,
  syntheticImages,
  train,
} from '../../training/browser.ts';
import { RunDirectory } from '../../training/index.ts';
import { runCli } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapegrad-page-'));
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await useDevice('reference');
});

const RUNNING = ['--device', 'simd', '--threads', '1'];
const NETWORK = ['--model', 'cifar-resnet8', '--width', '4', '--shortcut', 'B'];
const LENGTH = ['--limit', '12', '--validation', '4', '--batch-size', '4', '--epochs', '2'];
const settings = resolveSettings({
  model: 'cifar-resnet8',
  width: 4,
  shortcut: 'B',
  limit: 12,
  validation: 4,
  batchSize: 4,
  epochs: 2,
  augment: 'cifar',
  mean: 'pixel',
});

/** Three of four steps, as a page takes them: the second epoch is half done. */
async function trainInPage(): Promise<Uint8Array> {
  const images = syntheticImages(settings, 'train');
  const split = splitFor(settings, images.length);
  const [trained, validated] = [subset(images, split.training), subset(images, split.heldOut)];
  const normalisation = await normalisationFor(trained, settings);
  const { training, evaluation } = imageTransforms(settings, normalisation);
  const classes = images.classes.length;
  const model = buildNetwork(settings, { classes, seed: settings.seed });
  const { batchSize, shuffle, seed, learningRate, momentum, weightDecay } = settings;
  const loader = new DataLoader(trained, { batchSize, shuffle, seed, transform: training });
  const metrics = new MemoryMetrics();
  let newest: Checkpoint | undefined;
  let steps = 0;
  const run = {
    model,
    optimizer: new SGD(model.parameters(), { learningRate, momentum, weightDecay }),
    rate: new LearningRate(settings, settings.epochs * loader.length),
    loader,
    accumulate: 1,
    labelSmoothing: 0,
    totalSteps: settings.epochs * loader.length,
    heldOut: async () => {
      const passes = [new DataLoader(validated, { batchSize: 50, transform: evaluation })];
      const { loss, top1 } = await evaluate([model], passes, { classes });
      return { split: 'validation', loss, error: 1 - top1 } as const;
    },
    evaluateEvery: 1,
    metrics,
    save: async (checkpoint: Checkpoint) => {
      newest = checkpoint;
    },
    checkpointEvery: 1000,
    stopped: () => steps === 3,
    onStep: () => {
      steps += 1;
    },
    onEpoch: () => undefined,
  };
  await train(run, beginning(run));
  return encodeRun({ settings, checkpoint: newest!, metrics: metrics.text, mean: normalisation.mean, name: 'page' });
}

const directory = join(folder, 'page');
const whole = join(folder, 'whole');
beforeAll(async () => {
  await useDevice('simd', { threads: 1 });
  writeFileSync(join(folder, 'page.tar'), await trainInPage());
  execFileSync('tar', ['xf', 'page.tar'], { cwd: folder });
});

const lastLine = (text: string): string | undefined => text.trim().split('\n').at(-1);
const withoutTimes = (text: string): string => text.replace(/"(seconds|imagesPerSecond)": ?[\d.e+-]+/g, '"$1":0');
const metricsOf = (path: string): string => withoutTimes(readFileSync(join(path, 'metrics.jsonl'), 'utf8'));

describe('a run of a page', () => {
  it('goes on with --resume to the weights and metrics that the command line comes to alone', async () => {
    const resumed = await runCli(['train', ...RUNNING, '--resume', directory]);
    expect(resumed).toMatchObject({ code: 0, stderr: expect.stringContaining('going on from') });
    const own = ['--augment', 'cifar', '--mean', 'pixel', '--out', whole];
    expect(await runCli(['train', ...RUNNING, ...NETWORK, ...LENGTH, ...own])).toMatchObject({ code: 0 });
    const [found, expected] = [directory, whole].map((path) => new RunDirectory(path).newest()!.checkpoint);
    expect(found!.progress.step).toBe(4);
    expect(found!.model).toEqual(expected!.model);
    expect(found!.momentum).toEqual(expected!.momentum);
    expect(metricsOf(directory)).toBe(metricsOf(whole));
    for (const name of ['settings.json', 'mean.safetensors', 'model.safetensors'])
      expect(readFileSync(join(directory, name))).toEqual(readFileSync(join(whole, name)));
  });

  it('that the command line has gone on with, or begun, goes back to the page', () => {
    for (const path of ['page', 'whole']) {
      execFileSync('tar', ['cf', 'back.tar', path], { cwd: folder });
      const loaded = decodeRun(readFileSync(join(folder, 'back.tar')), 'back.tar');
      expect(loaded).toMatchObject({ settings, damaged: [] });
      expect(loaded.checkpoint).toEqual(new RunDirectory(join(folder, path)).newest()!.checkpoint);
      expect(withoutTimes(loaded.metrics)).toBe(metricsOf(whole));
    }
  });

  it('is evaluated and exported with its own network', async () => {
    const evaluated = await runCli(['evaluate', ...RUNNING, '--checkpoint', directory, '--json']);
    expect(evaluated).toMatchObject({ code: 0 });
    const to = join(folder, 'page.onnx');
    expect(await runCli(['export', '--checkpoint', directory, '--to', to])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('cifar-resnet8'),
    });
  });

  it('on images that only the page had asks for --data', async () => {
    const file = join(directory, 'settings.json');
    const stored = parseSettings(readFileSync(file, 'utf8'), file);
    writeFileSync(file, encodeSettings(settingsFile({ ...stored, dataset: 'cifar10' })));
    const { code, stderr } = await runCli(['train', ...RUNNING, '--resume', directory]);
    expect([code, lastLine(stderr)]).toEqual([1, expect.stringContaining('error: --dataset cifar10 needs --data DIR')]);
    const other = await runCli(['train', ...RUNNING, '--resume', directory, '--data', '/nowhere']);
    expect(lastLine(other.stderr)).toContain('/nowhere');
  });
});

describe('networks that there are not', () => {
  it.each([
    [['--model', 'cifar-resnet9'], 2, 'it needs to be 6n + 2'],
    [['--model', 'cifar-plain8', '--shortcut', 'A'], 1, 'a plain network'],
    [['--model', 'resnet18', '--width', '8'], 1, 'width 8 was given'],
  ])('%j', async (options, code, sentence) => {
    const refused = await runCli(['train', ...RUNNING, ...options]);
    expect(refused).toMatchObject({ code, stderr: expect.stringContaining(sentence) });
  });
});
