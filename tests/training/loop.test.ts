/**
 * A run that is stopped after any of its steps and goes on from its checkpoint, on image folders with a picture that cannot be read and on
 * images in memory, in micro-batches, with dropout and a plateau: to the bit what it would have been.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Tensor, tensor, useDevice } from '../../core/index.ts';
import { compose, DataLoader, type Dataset, imageFolder, randomCrop, randomHorizontalFlip, synthetic } from '../../data/index.ts';
import { cifarResnet } from '../../models/index.ts';
import { BatchNorm2d, Conv2d, Dropout, Flatten, initialise, Linear, Module, Sequential } from '../../nn/index.ts';
import { SGD } from '../../optim/index.ts';
import {
  beginning,
  DEFAULT_SETTINGS,
  type HeldOut,
  isFinished,
  LearningRate,
  Metrics,
  type Progress,
  RunDirectory,
  readCheckpoint,
  restore,
  type TrainingRun,
  train,
} from '../../training/index.ts';
import { fillDiskAt, restoreDisk } from '../support/fullDisk.ts';

const folder = mkdtempSync(join(tmpdir(), 'tapegrad-loop-'));
beforeAll(async () => {
  await useDevice('simd', { threads: 2 });
  for (const [k, background] of ['red', 'green', 'blue'].entries()) {
    const directory = join(folder, 'pictures/train', `class${k}`);
    mkdirSync(directory, { recursive: true });
    for (let n = 0; n < 5; n++)
      await sharp({ create: { width: 20 + n, height: 18, channels: 3, background } })
        .png()
        .toFile(join(directory, `${n}.png`));
  }
  writeFileSync(join(folder, 'pictures/train/class1/2.png'), 'not a picture');
});
afterAll(async () => {
  await useDevice('reference');
  rmSync(folder, { recursive: true });
});

/** Dropout before a small ResNet. */
class Noisy extends Module {
  readonly dropout = new Dropout(0.2);
  readonly network = cifarResnet({ depth: 8, width: 4, classes: 10, seed: 2 });
  forward(x: Tensor): Tensor {
    return this.network.forward(this.dropout.forward(x));
  }
}

const noisy = (): Module => new Sequential(new Noisy());

interface Case {
  readonly network?: () => Module;
  readonly name: string;
  readonly images: () => Dataset;
  readonly accumulate: number;
  /** Where it is stopped; everywhere, unless that takes long. */
  readonly stops?: readonly number[];
}

const CASES: readonly Case[] = [
  { name: 'images in memory', images: () => synthetic({ count: 14 }), accumulate: 1 },
  { name: 'images in memory, in two parts', images: () => synthetic({ count: 14 }), accumulate: 2 },
  {
    name: 'an image folder with a picture that cannot be read',
    images: () =>
      imageFolder(join(folder, 'pictures'), {
        workers: 2,
        seed: 4,
        rule: { crop: { kind: 'random', shorterSide: [16, 20], size: 16 } },
      }),
    accumulate: 1,
    stops: [2, 4, 7],
  },
];

interface Ended {
  readonly progress: Progress;
  readonly weights: Buffer;
  readonly momentum: Buffer;
  readonly metrics: string;
}

/** Runs until the given step, or to its end, from the newest checkpoint of the directory if there is one. */
async function runUntil(
  stop: number,
  { images, accumulate, network = noisy }: Case,
  directory: RunDirectory,
  keep = 2,
): Promise<Ended> {
  const found = directory.newest()?.checkpoint;
  const dataset = images();
  const transform = accumulate === 1 ? {} : { transform: compose(randomCrop({ padding: 2 }), randomHorizontalFlip()) };
  const loader = new DataLoader(dataset, { batchSize: 4 / accumulate, shuffle: true, seed: 9, unreadableLimit: 1, ...transform });
  const model = initialise({ seed: 6 }, network);
  const metrics = new Metrics(directory.file('metrics.jsonl'), found?.progress.metricsBytes);
  const totalSteps = 3 * Math.ceil(loader.length / accumulate);
  let steps = found?.progress.step ?? 0;
  let evaluations = found?.progress.history.length ?? 0;
  const run: TrainingRun = {
    model,
    optimizer: new SGD(model.parameters(), { learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-3 }),
    rate: new LearningRate(
      { learningRate: 0.1, rate: { ...DEFAULT_SETTINGS.rate, schedule: 'plateau', patience: 0, warmUp: 0 } },
      totalSteps,
    ),
    loader,
    accumulate,
    labelSmoothing: 0.1,
    totalSteps,
    heldOut: async (): Promise<HeldOut> => ({ split: 'test', loss: 1, error: [0.5, 0.6, 0.4][evaluations++]! }),
    evaluateEvery: 1,
    metrics,
    save: async (checkpoint) => {
      directory.save(checkpoint, keep);
    },
    checkpointEvery: 2,
    stopped: () => steps >= stop,
    onStep: ({ step }) => {
      steps = step;
    },
    onEpoch: () => undefined,
  };
  if (found !== undefined) restore(run, found);
  const progress = await train(run, found?.progress ?? beginning(run));
  metrics.close();
  await dataset.close?.();
  expect(isFinished(run, progress)).toBe(stop === Number.POSITIVE_INFINITY);
  const newest = directory.newest()!.directory;
  const file = (name: string): Buffer => readFileSync(join(newest, name));
  return {
    progress: withoutTimes(progress),
    weights: file('model.safetensors'),
    momentum: file('momentum.safetensors'),
    metrics: readFileSync(directory.file('metrics.jsonl'), 'utf8').replace(/"(seconds|imagesPerSecond)":[\d.e+-]+/g, '"$1":0'),
  };
}

function withoutTimes(progress: Progress): Progress {
  const history = progress.history.map((record) => ({ ...record, seconds: 0, imagesPerSecond: 0 }));
  return { ...progress, history, sums: { ...progress.sums, seconds: 0 }, metricsBytes: 0 };
}

let runs = 0;
function newDirectory(): RunDirectory {
  const directory = new RunDirectory(join(folder, `run-${runs++}`));
  directory.create({});
  return directory;
}

describe.each(CASES)('a run on $name', (each) => {
  it('goes on to the same bits, wherever it was stopped', { timeout: 300_000 }, async () => {
    const whole = await runUntil(Number.POSITIVE_INFINITY, each, newDirectory());
    expect(whole.progress.history).toHaveLength(3);
    expect(whole.progress.history.map(({ learningRate }) => Number(learningRate.toPrecision(3)))).toEqual([0.1, 0.1, 0.01]);
    const everywhere = Array.from({ length: whole.progress.step }, (_, k) => k + 1);
    for (const stop of each.stops ?? everywhere) {
      const directory = newDirectory();
      const stopped = await runUntil(stop, each, directory);
      expect(stopped.progress.step).toBe(stop);
      const ended = await runUntil(Number.POSITIVE_INFINITY, each, directory);
      expect(ended.progress).toEqual(whole.progress);
      expect(ended.weights.equals(whole.weights)).toBe(true);
      expect(ended.momentum.equals(whole.momentum)).toBe(true);
      expect(ended.metrics).toBe(whole.metrics);
    }
  });
});

describe('a disk that is full at any operation of any checkpoint', () => {
  it('ends the run, which goes on from the checkpoint before to the same bits', { timeout: 300_000 }, async () => {
    const small: Case = {
      name: 'a small network',
      images: () => synthetic({ count: 6 }),
      accumulate: 1,
      network: () =>
        new Sequential(new Conv2d(3, 4, { kernelSize: 3, stride: 4 }), new BatchNorm2d(4), new Flatten(), new Linear(256, 10)),
    };
    const whole = await runUntil(Number.POSITIVE_INFINITY, small, newDirectory());
    for (let at = 1; ; at++) {
      const directory = newDirectory();
      const operations = fillDiskAt(at, '/checkpoints/');
      const failed = await runUntil(Number.POSITIVE_INFINITY, small, directory).then(
        () => false,
        (error: unknown) => {
          expect(String(error)).toMatch(/^FileError: cannot (write|remove) the checkpoint .*: the disk is full/);
          return true;
        },
      );
      restoreDisk();
      expect(failed).toBe(operations() >= at);
      if (!failed) break;
      const ended = await runUntil(Number.POSITIVE_INFINITY, small, directory);
      expect([ended.progress, ended.metrics]).toEqual([whole.progress, whole.metrics]);
      expect([ended.weights.equals(whole.weights), ended.momentum.equals(whole.momentum)]).toEqual([true, true]);
    }
  });
});

describe('data that has changed', () => {
  it('is noticed when the run goes on', async () => {
    const directory = newDirectory();
    await runUntil(2, CASES[0]!, directory);
    const fewer = { ...CASES[0]!, images: () => synthetic({ count: 13 }) };
    await expect(runUntil(4, fewer, directory)).rejects.toThrow(
      'the run was on 14 training images, but there are 13 now; put the data back as it was, or begin another run from its weights',
    );
  });
});

describe('checkpoints', () => {
  it('the last few and the best are kept', async () => {
    const directory = newDirectory();
    await runUntil(Number.POSITIVE_INFINITY, CASES[0]!, directory, 1);
    const kept = readdirSync(directory.file('checkpoints'));
    // errors 0.5, 0.6, 0.4: the third is both
    expect(kept).toEqual(['step-00000012']);
    const other = newDirectory();
    await runUntil(9, CASES[0]!, other, 1);
    expect(readdirSync(other.file('checkpoints')).sort()).toEqual(['step-00000004', 'step-00000009']);
    expect(readCheckpoint(other.checkpointAt(4)).progress.best).toEqual({ step: 4, error: 0.5 });
  });
  it('are refused where a weight is not finite, and the one before stays', async () => {
    const directory = newDirectory();
    const loader = new DataLoader(synthetic({ count: 8 }), { batchSize: 4 });
    const model = cifarResnet({ depth: 8, width: 4, classes: 10, seed: 2 });
    const poisoned = new Map(model.namedStates()).get('linear.bias')!;
    let step = 0;
    const run: TrainingRun = {
      model,
      optimizer: new SGD(model.parameters(), { learningRate: 0.1 }),
      rate: new LearningRate({ learningRate: 0.1, rate: { ...DEFAULT_SETTINGS.rate, warmUp: 0 } }, 4),
      loader,
      accumulate: 1,
      labelSmoothing: 0,
      totalSteps: 4,
      evaluateEvery: 1,
      save: async (checkpoint) => {
        directory.save(checkpoint, 3);
      },
      checkpointEvery: 1,
      stopped: () => false,
      onStep: () => {
        step += 1;
        if (step === 2) poisoned.assign(tensor(new Float32Array(poisoned.size).fill(Number.NaN)));
      },
      onEpoch: () => undefined,
    };
    await expect(train(run, beginning(run))).rejects.toThrow(
      /linear\.bias holds NaN or infinity after step 2, so no checkpoint is written/,
    );
    expect(directory.newest()?.checkpoint.progress.step).toBe(1);
  });
});
