/** Data sets, transforms and the loader. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import ndarray from 'ndarray';
import { describe, expect, it } from 'vitest';
import { toHost } from '../../core/host.ts';
import {
  cifar10,
  cifar100,
  compose,
  DataLoader,
  type Dataset,
  holdOut,
  type Image,
  normalise,
  perPixelMean,
  randomCrop,
  randomFor,
  randomHorizontalFlip,
  subset,
  subtractMean,
  synthetic,
} from '../../data/index.ts';

/** n images of 1 x 2 x 3 whose pixels tell which image they belong to. */
function counting(length: number): Dataset {
  return {
    length,
    classes: ['even', 'odd'],
    imageShape: [1, 2, 3],
    image: (index) =>
      ndarray(
        Float32Array.from({ length: 6 }, (_, k) => index + k / 10),
        [1, 2, 3],
      ),
    label: (index) => index % 2,
  };
}

const pixels = (image: Image): number[] => [...toHost(image).data];

async function epoch(loader: DataLoader): Promise<{ indices: number[]; sizes: number[]; pixels: number[]; labels: number[] }> {
  const seen = { indices: [] as number[], sizes: [] as number[], pixels: [] as number[], labels: [] as number[] };
  for await (const { images, labels, indices } of loader) {
    seen.indices.push(...indices);
    seen.sizes.push(images.shape[0]!);
    seen.pixels.push(...(await images.data()));
    seen.labels.push(...(await labels.data()));
  }
  return seen;
}

describe('DataLoader', () => {
  it('gives every image once an epoch, whatever the batch size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        async (length, batchSize, shuffle) => {
          const loader = new DataLoader(counting(length), { batchSize, shuffle });
          const { indices, sizes, labels } = await epoch(loader);
          expect([...indices].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, k) => k));
          expect(sizes).toHaveLength(loader.length);
          expect(labels).toEqual(indices.map((index) => index % 2));
        },
      ),
      { numRuns: 30 },
    );
  });
  it('draws order and augmentation from (seed, epoch, image), not from the batch size', async () => {
    const transform = compose(randomCrop({ padding: 1 }), randomHorizontalFlip());
    const run = async (batchSize: number, seed: number, at: number) => {
      const loader = new DataLoader(counting(23), { batchSize, shuffle: true, seed, transform });
      loader.setEpoch(at);
      return epoch(loader);
    };
    const first = await run(5, 1, 3);
    expect(await run(5, 1, 3)).toEqual(first);
    expect((await run(23, 1, 3)).pixels).toEqual(first.pixels);
    expect((await run(5, 1, 4)).indices).not.toEqual(first.indices);
    expect((await run(5, 2, 3)).indices).not.toEqual(first.indices);
  });
  it('goes to the next epoch by itself', async () => {
    const loader = new DataLoader(counting(23), { batchSize: 23, shuffle: true });
    expect((await epoch(loader)).indices).not.toEqual((await epoch(loader)).indices);
  });
  it('can leave out a batch that is not full', async () => {
    const loader = new DataLoader(counting(10), { batchSize: 4, dropLast: true });
    expect(loader.length).toBe(2);
    expect((await epoch(loader)).sizes).toEqual([4, 4]);
  });
  it('gives timers a turn between batches', async () => {
    let ticks = 0;
    const timer = setInterval(() => ticks++, 0);
    for await (const _ of new DataLoader(counting(50), { batchSize: 1 }));
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(5);
  });
  it('refuses options and images that cannot be', async () => {
    expect(() => new DataLoader(counting(3), { batchSize: 0 })).toThrow(
      'DataLoader: batchSize 0 given; it needs to be a whole number of at least 1',
    );
    expect(() => new DataLoader(counting(3), { batchSize: 4, dropLast: true })).toThrow(
      'DataLoader: no batch is full (3 images, batchSize 4)',
    );
    const broken = { ...counting(3), image: () => ndarray(Float32Array.of(0, 0, 0, 0, Number.NaN, 0), [1, 2, 3]) };
    await expect(epoch(new DataLoader(broken, { batchSize: 2 }))).rejects.toThrow('image 0 has the value NaN at [0, 1, 1]');
  });
});

describe('transforms', () => {
  const image = (): Image =>
    ndarray(
      Float32Array.from({ length: 24 }, (_, k) => k + 1),
      [2, 3, 4],
    );
  it('flips without moving a pixel', () => {
    const flip = randomHorizontalFlip();
    const results = Array.from({ length: 20 }, (_, k) => flip(image(), randomFor(k)));
    expect(new Set(results.map((result) => result.stride[2]))).toEqual(new Set([1, -1]));
    expect(pixels(results.find((result) => result.stride[2] === -1)!).slice(0, 4)).toEqual([4, 3, 2, 1]);
  });
  it('crops a piece of the padded image, every place possible', () => {
    const crop = randomCrop({ padding: 1 });
    const corners = new Set<number>();
    for (let k = 0; k < 200; k++) {
      const piece = crop(image(), randomFor(k));
      expect(piece.shape).toEqual([2, 3, 4]);
      corners.add(pixels(piece)[5]!);
    }
    expect([...corners].sort((a, b) => a - b)).toEqual([1, 2, 3, 5, 6, 7, 9, 10, 11]);
    expect(() => randomCrop({ padding: 0, size: 9 })(image(), randomFor(1))).toThrow(
      'randomCrop: a piece of 9 x 9 does not fit into 3 x 4',
    );
  });
  it('normalises by channel and by pixel', async () => {
    expect(pixels(normalise({ mean: [1, 13], std: [2, 4] })(image(), randomFor(1))).slice(10, 14)).toEqual([5, 5.5, 0, 0.25]);
    const mean = await perPixelMean(counting(3));
    expect(pixels(mean)[0]).toBeCloseTo(1, 6);
    expect(pixels(subtractMean(mean)(await counting(3).image(2), randomFor(1)))).toEqual(
      [1, 1, 1, 1, 1, 1].map((x) => expect.closeTo(x, 5)),
    );
    expect(() => normalise({ mean: [0], std: [0] })).toThrow('normalise: mean [0] and std [0] given');
  });
});

describe('CIFAR files', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tapegrad-cifar-'));
  const record = (labels: number[], value: number): number[] => [...labels, ...new Array(3072).fill(value)];
  const write = (name: string, bytes: number[]): void => writeFileSync(join(directory, name), Uint8Array.from(bytes));

  it('are read record by record, file after file', async () => {
    write('data_batch_1.bin', [...record([3], 0), ...record([9], 255)]);
    write('data_batch_3.bin', [1, ...Array.from({ length: 3072 }, (_, k) => k % 250)]);
    const data = cifar10(directory);
    expect([data.length, data.label(0), data.label(1), data.label(2)]).toEqual([3, 3, 9, 1]);
    // red, green, blue, each row by row
    const last = await data.image(2);
    const pixels = [last.get(0, 0, 0), last.get(0, 1, 5), last.get(1, 0, 0), last.get(2, 31, 31)];
    pixels.forEach((pixel, k) => expect(pixel).toBeCloseTo([0, 37, 24, 71][k]! / 255, 6));
    expect(data.classes[9]).toBe('truck');
    expect(subset(data, 2).length).toBe(2);
    expect(() => subset(data, [5])).toThrow('subset: image 5 was asked for, but the data set has images 0 to 2');
  });
  it('of CIFAR-100 have two labels', () => {
    write('test.bin', record([4, 77], 1));
    expect(cifar100(directory, { split: 'test' }).label(0)).toBe(77);
    expect(cifar100(directory, { split: 'test', labels: 'coarse' }).label(0)).toBe(4);
  });
  it('are refused when damaged, by name', () => {
    write('test_batch.bin', record([3], 0).slice(1));
    expect(() => cifar10(directory, { split: 'test' })).toThrow(
      /test_batch\.bin has 3072 bytes, which is not a whole number of records of 3073 bytes/,
    );
    write('test_batch.bin', record([10], 0));
    expect(() => cifar10(directory, { split: 'test' })).toThrow(
      /test_batch\.bin has label 10 in record 0, but labels go from 0 to 9/,
    );
    write('test_batch.bin', []);
    expect(() => cifar10(directory, { split: 'test' })).toThrow(/has 0 bytes/);
    expect(() => cifar10(join(directory, 'none'))).toThrow(/the directory .*none does not exist/);
    expect(() => cifar100(directory)).toThrow(/has no train\.bin/);
  });
});

/** Softmax regression on pixels, plain loops: what a linear model makes of a data set. */
async function linearAccuracy(train: Dataset, test: Dataset): Promise<number> {
  const classes = train.classes.length;
  const weights = new Float64Array(classes * 3073);
  const features = async (dataset: Dataset): Promise<Float64Array[]> => {
    const images = await Promise.all(Array.from({ length: dataset.length }, (_, k) => dataset.image(k)));
    return images.map((image) => Float64Array.from([...pixels(image).map((x) => x - 0.5), 1]));
  };
  const scores = (x: Float64Array): number[] =>
    Array.from({ length: classes }, (_, c) => x.reduce((sum, value, k) => sum + value * weights[c * 3073 + k]!, 0));
  const inputs = await features(train);
  for (let pass = 0; pass < 3; pass++) {
    inputs.forEach((x, image) => {
      const logits = scores(x);
      const most = Math.max(...logits);
      const total = logits.reduce((sum, value) => sum + Math.exp(value - most), 0);
      for (let c = 0; c < classes; c++) {
        const slope = Math.exp(logits[c]! - most) / total - Number(c === train.label(image));
        for (let k = 0; k < x.length; k++) weights[c * 3073 + k]! -= 0.002 * slope * x[k]!;
      }
    });
  }
  const right = (await features(test)).filter((x, image) => scores(x).indexOf(Math.max(...scores(x))) === test.label(image));
  return right.length / test.length;
}

describe('synthetic', () => {
  it('is the same for the same seed, and differs by seed and split', async () => {
    const first = pixels(await synthetic({ count: 20 }).image(7));
    expect(pixels(await synthetic({ count: 9 }).image(7))).toEqual(first);
    expect(pixels(await synthetic({ seed: 1 }).image(7))).not.toEqual(first);
    expect(pixels(await synthetic({ split: 'test' }).image(7))).not.toEqual(first);
    expect(first.every((value) => value >= 0 && value <= 1)).toBe(true);
  });
  it('has balanced classes', () => {
    const data = synthetic({ count: 50 });
    for (const label of data.classes.keys())
      expect(Array.from({ length: 50 }, (_, k) => data.label(k)).filter((each) => each === label)).toHaveLength(5);
    expect(() => synthetic({ count: 0 })).toThrow('synthetic: count 0 given');
  });
  it('is no easy prey for a linear model', async () => {
    // Chance is 10 %; a ResNet gets above 90 % (README).
    expect(await linearAccuracy(synthetic({ count: 1000 }), synthetic({ split: 'test', count: 300 }))).toBeLessThan(0.3);
  });
});

describe('holdOut', () => {
  it('cuts the images in two that have none in common, the same way for the same seed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 200 }), fc.nat(), fc.nat(), (length, some, seed) => {
        const count = some % length;
        const { training, heldOut } = holdOut(length, count, seed);
        expect([...training, ...heldOut].sort((a, b) => a - b)).toEqual(Array.from({ length }, (_, k) => k));
        expect(heldOut).toHaveLength(count);
        expect(holdOut(length, count, seed)).toEqual({ training, heldOut });
      }),
    );
    expect(holdOut(100, 50, 1)).not.toEqual(holdOut(100, 50, 2));
    expect(() => holdOut(5, 5, 0)).toThrow('holdOut: 5 of 5 images given; at least one must be left to train on');
  });
});
