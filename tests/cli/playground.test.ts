/**
 * Runs that began in a page: the loop with everything in memory, saved as one file, unpacked by tar, and gone on with by the command line,
 * which ends with the bits of a run that it did alone; and back.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useDevice } from '../../core/index.ts';
import { cifar10FromFiles, DataLoader, type Dataset, subset } from '../../data/index.ts';
import { buildNetwork } from '../../models/index.ts';
import { SGD } from '../../optim/index.ts';
import {
  beginning,
  type Checkpoint,
  decodeRun,
  encodeRun,
  imageTransforms,
  LearningRate,
  limited,
  MemoryMetrics,
  normalisationFor,
  type RunSettings,
  resolveSettings,
  splitFor,
  syntheticImages,
  train,
} from '../../training/index.ts';
import { compiledCli } from './compiled.ts';

const { runCli } = compiledCli();
const folder = mkdtempSync(join(tmpdir(), 'tapegrad-playground-'));
afterAll(() => rmSync(folder, { recursive: true }));

const RUNNING = ['--device', 'simd', '--threads', '1'];

/** What a page does with the settings and the images: one epoch, then the file. */
async function saveAfterOneEpoch(settings: RunSettings, all: Dataset, name: string): Promise<Uint8Array> {
  const { training } = splitFor(settings, all.length);
  const images = subset(all, training);
  const normalisation = await normalisationFor(images, settings);
  const { batchSize, shuffle, seed, learningRate, momentum, weightDecay } = settings;
  const transform = imageTransforms(settings, normalisation).training;
  const loader = new DataLoader(images, { batchSize, shuffle, seed, transform });
  const model = buildNetwork(settings, { classes: images.classes.length, seed });
  const totalSteps = settings.epochs * loader.length;
  const metrics = new MemoryMetrics();
  const rate = new LearningRate(settings, totalSteps);
  let saved: Checkpoint | undefined;
  const run = {
    model,
    optimizer: new SGD(model.parameters(), { learningRate, momentum, weightDecay }),
    rate,
    loader,
    accumulate: 1,
    labelSmoothing: 0,
    totalSteps,
    evaluateEvery: 9,
    metrics,
    save: async (checkpoint: Checkpoint) => {
      saved = checkpoint;
    },
    checkpointEvery: 1000,
    stopped: () => saved !== undefined,
    onStep: () => undefined,
    onEpoch: () => undefined,
  };
  await train(run, beginning(run));
  return encodeRun({ settings, checkpoint: saved!, metrics: metrics.text, mean: normalisation.mean, name });
}

function unpack(archive: Uint8Array): void {
  writeFileSync(join(folder, 'run.tar'), archive);
  execFileSync('tar', ['xf', 'run.tar'], { cwd: folder });
}

beforeAll(() => useDevice('simd', { threads: 1 }));
afterAll(() => useDevice('reference'));

describe('a run of a page on the built-in data set', () => {
  const settings = resolveSettings({
    model: 'cifar-resnet8',
    shortcut: 'B',
    width: 4,
    limit: 24,
    batchSize: 4,
    epochs: 2,
    validation: 4,
    augment: 'cifar',
    mean: 'channel',
    evaluateEvery: 9,
    seed: 5,
  });
  const words =
    '--model cifar-resnet8 --shortcut B --width 4 --limit 24 --batch-size 4 --epochs 2 --validation 4 --augment cifar --mean channel --evaluate-every 9 --seed 5';
  const alone = join(folder, 'alone');
  const page = join(folder, 'page');
  beforeAll(async () => {
    unpack(await saveAfterOneEpoch(settings, syntheticImages(settings, 'train'), 'page'));
    for (const args of [
      [...words.split(' '), '--out', alone],
      ['--resume', page],
    ]) {
      const { code, stderr } = await runCli(['train', ...RUNNING, ...args]);
      expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
    }
  });
  const lossesOf = (directory: string): string[] =>
    [...readFileSync(join(directory, 'metrics.jsonl'), 'utf8').matchAll(/"(?:loss|trainLoss)":([^,]+)/g)].map(
      ([, loss]) => loss!,
    );

  it('ends on the command line with the bits of one that it did alone, and with all of its metrics', () => {
    for (const file of [
      'model.safetensors',
      'mean.safetensors',
      'settings.json',
      'checkpoints/step-00000010/momentum.safetensors',
    ])
      expect(readFileSync(join(page, file)).equals(readFileSync(join(alone, file))), file).toBe(true);
    expect(lossesOf(page).length).toBeGreaterThan(10);
    expect(lossesOf(page)).toEqual(lossesOf(alone));
  });
  it('comes back from there, at its last step', () => {
    execFileSync('tar', ['cf', 'back.tar', 'page'], { cwd: folder });
    const back = decodeRun(readFileSync(join(folder, 'back.tar')), 'back.tar');
    expect([back.settings, back.checkpoint.progress.step, back.damaged]).toEqual([settings, 10, []]);
    expect(back.metrics).toBe(readFileSync(join(page, 'metrics.jsonl'), 'utf8'));
    expect(back.best).toBeUndefined(); // the error was measured once, at the last step
  });
  it('is evaluated and exported as the network that it is', async () => {
    const evaluated = await runCli(['evaluate', ...RUNNING, '--checkpoint', page, '--limit', '20', '--json']);
    expect(JSON.parse(evaluated.stdout)).toMatchObject({ count: 20 });
    const to = join(folder, 'page.onnx');
    const exported = await runCli(['export', '--checkpoint', page, '--to', to, '--json']);
    expect(JSON.parse(exported.stdout)).toMatchObject({ model: 'cifar-resnet8', classes: 10, file: to });
  });
});

describe('a run of a page on CIFAR-10', () => {
  const data = join(folder, 'cifar');
  const bytes = Uint8Array.from({ length: 8 * 3073 }, (_, k) => (k % 3073 === 0 ? (k / 3073) % 10 : (k * 7919) % 251));
  const settings = resolveSettings({ dataset: 'cifar10', model: 'cifar-plain8', width: 4, batchSize: 4, epochs: 2, limit: 6 });
  beforeAll(async () => {
    mkdirSync(data);
    for (const name of ['data_batch_1.bin', 'test_batch.bin']) writeFileSync(join(data, name), bytes);
    const all = cifar10FromFiles([{ name: 'data_batch_1.bin', bytes }]);
    unpack(await saveAfterOneEpoch(settings, limited(all, settings), 'cifar-run'));
  });
  it('has no place for its data, so the command line asks for it, and takes it', async () => {
    const run = ['train', ...RUNNING, '--resume', join(folder, 'cifar-run')];
    const without = await runCli(run);
    expect([without.code, without.stderr]).toEqual([
      1,
      expect.stringContaining('error: --dataset cifar10 needs --data DIR, the directory with its files\n'),
    ]);
    const { code, stderr } = await runCli([...run, '--data', data]);
    expect([code, code === 0 ? '' : stderr]).toEqual([0, '']);
    expect(stderr).toMatch(/going on from .*step-00000002/);
  });
});
