/** What the command line makes of settings: which images are trained on, what is held out, and what is subtracted. */
import { describe, expect, it } from 'vitest';
import { openTestData, openTrainingData } from '../../cli/datasets.ts';
import { resumedSettings } from '../../cli/settings.ts';
import { type Image, synthetic } from '../../data/index.ts';
import { resolveSettings } from '../../training/index.ts';

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
    expect(() => resumedSettings(resolveSettings({}), { epochs: 20 })).toThrow('depends on its length (8 epochs)');
    expect(resumedSettings(resolveSettings({}), { epochs: 8 })).toMatchObject({ epochs: 8 });
  });
});
