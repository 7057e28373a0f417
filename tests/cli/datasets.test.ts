/** What the command line makes of settings: which images are trained on, what is held out, and what is subtracted. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openTestData, openTrainingData } from '../../cli/datasets.ts';
import { resumedSettings } from '../../cli/settings.ts';
import { type Image, synthetic } from '../../data/index.ts';
import { resolveSettings } from '../../training/index.ts';
import { noise, root } from '../support/pictures.ts';

const READ = { skip: 0 };
const given = { limit: 40, validation: 10, batchSize: 8, augment: 'none', mean: 'pixel', seed: 3 } as const;

async function pixelsOf(
  batches: AsyncIterable<{ images: { data(): Promise<ArrayLike<number>> }; labels: { data(): Promise<ArrayLike<number>> } }>,
) {
  const rows: number[][] = [];
  for await (const { images, labels } of batches) {
    const [data, count] = [Array.from(await images.data()), (await labels.data()).length];
    for (let k = 0; k < count; k++) rows.push(data.slice((k * data.length) / count, ((k + 1) * data.length) / count));
  }
  return rows;
}

describe('the mean picture', () => {
  it('is that of the images trained on, and is subtracted from those held out too', async () => {
    const data = await openTrainingData(resolveSettings(given), READ);
    expect([data.count, data.classes.length, data.heldOut?.split]).toEqual([30, 10, 'validation']);
    const trained = await pixelsOf(data.training(8));
    expect(trained).toHaveLength(30);
    for (const pixel of [0, 500, 3071]) expect(trained.reduce((sum, row) => sum + row[pixel]!, 0)).toBeCloseTo(0, 4);
    const held = await pixelsOf(data.heldOut!.passes()[0]!);
    expect(held).toHaveLength(10);
    // Mean and image add up to an image of the set, and the two parts have none in common.
    const { mean } = data.normalisation as { mean: Image };
    const known = Array.from({ length: 40 }, (_, k) => Array.from((synthetic({ count: 40, seed: 3 }).image(k) as Image).data));
    const indexOf = (row: number[]): number =>
      known.findIndex((image) => row.every((value, k) => Math.abs(value + mean.data[k]! - image[k]!) < 1e-6));
    const found = [...trained, ...held].map(indexOf).sort((a, b) => a - b);
    expect(found).toEqual(Array.from({ length: 40 }, (_, k) => k));
  });
  it('goes with the test images, whatever those are like', async () => {
    const settings = resolveSettings(given);
    const { normalisation } = await openTrainingData(settings, READ);
    const test = await openTestData(settings, normalisation, READ);
    const rows = await pixelsOf(test.passes()[0]!);
    const image = synthetic({ split: 'test', count: 40, seed: 3 }).image(0) as Image;
    const { mean } = normalisation as { mean: Image };
    rows[0]!.forEach((value, k) => expect(value).toBeCloseTo(image.data[k]! - mean.data[k]!, 6));
  });
});

describe('pictures of a folder with --augment cifar', () => {
  it('are shifted by at most four pixels and flipped, and black where nothing is', async () => {
    const directory = join(root, 'folder');
    for (const name of ['a', 'b']) {
      mkdirSync(join(directory, 'train', name), { recursive: true });
      for (let k = 0; k < 4; k++) await noise(32, 32, k).toFile(join(directory, 'train', name, `${k}.png`));
    }
    const folder = {
      ...given,
      dataset: 'imagefolder',
      data: directory,
      size: 28,
      limit: 8,
      validation: 1,
      mean: [0, 0, 0],
    } as const;
    const data = await openTrainingData(resolveSettings({ ...folder, augment: 'cifar', std: [1, 1, 1] }), READ);
    const plain = await openTrainingData(resolveSettings({ ...folder, std: [1, 1, 1] }), READ);
    const [moved, still] = [await pixelsOf(data.training(7)), await pixelsOf(plain.training(7))];
    await Promise.all([data.close(), plain.close()]);
    expect(moved).toHaveLength(7);
    const ways = moved.map((image, k) => wayBetween(still[k]!, image, 28));
    expect(ways).not.toContain(undefined);
    expect(new Set(ways).size).toBeGreaterThan(3);
  });
});

/** The shift and flip that make one picture of the other; undefined where none does. */
function wayBetween(from: readonly number[], to: readonly number[], side: number): string | undefined {
  for (const flip of [false, true]) {
    for (let down = -4; down <= 4; down++) {
      for (let right = -4; right <= 4; right++) {
        const at = (y: number, x: number): number => (y >= 0 && y < side && x >= 0 && x < side ? from[y * side + x]! : 0);
        const same = Array.from({ length: side * side }, (_, p) => {
          const [y, x] = [Math.floor(p / side), p % side];
          return to[p] === at(y + down, (flip ? side - 1 - x : x) + right);
        }).every(Boolean);
        if (same) return [flip, down, right].join();
      }
    }
  }
  return undefined;
}

describe('settings', () => {
  it('are the recipe’s, but for what is given', () => {
    const settings = resolveSettings({ recipe: 'cifar', learningRate: 0.3, epochs: 5 });
    expect(settings).toMatchObject({
      dataset: 'cifar10',
      model: 'resnet20',
      batchSize: 128,
      learningRate: 0.3,
      epochs: 5,
      steps: null,
    });
    expect(settings.rate).toMatchObject({ schedule: 'steps', milestones: [32_000, 48_000] });
    expect(resolveSettings({ recipe: 'imagenet' })).toMatchObject({
      dataset: 'imagefolder',
      model: 'resnet18',
      augment: 'imagenet',
      size: 224,
    });
    expect(resolveSettings({ recipe: 'cifar', mean: [0, 0, 0], std: [2, 2, 2] })).toMatchObject({
      mean: [0, 0, 0],
      std: [2, 2, 2],
    });
  });
  it('of a run that goes on may be longer where the rate does not depend on the length', () => {
    const steps = resolveSettings({ schedule: 'steps', milestones: [10], warmUp: 0 });
    expect(resumedSettings(steps, { epochs: 20, data: 'elsewhere' })).toMatchObject({
      epochs: 20,
      data: 'elsewhere',
      steps: null,
    });
    expect(() => resumedSettings(steps, { seed: 4 })).toThrow('--seed 4 was given, but the run began with 0');
    expect(() => resumedSettings(steps, { shortcut: 'C' })).toThrow('--shortcut C was given, but the run began without it');
    expect(() => resumedSettings(resolveSettings({}), { epochs: 20 })).toThrow('depends on its length (8 epochs)');
    expect(resumedSettings(resolveSettings({}), { epochs: 8 })).toMatchObject({ epochs: 8 });
  });
});
