/** What the loader does besides batches: preparing ahead, parts of epochs, and pictures that cannot be read. */
import ndarray from 'ndarray';
import { afterEach, describe, expect, it } from 'vitest';
import {
  compose,
  DataError,
  DataLoader,
  type Dataset,
  type Image,
  PictureError,
  randomCrop,
  randomHorizontalFlip,
  subset,
} from '../../data/index.ts';

/** Images of 1 x 2 x 3; `image` may wait or fail before one is given. */
function dataset(length: number, image: (index: number, epoch?: number) => void | Promise<void> = () => undefined): Dataset {
  return {
    length,
    classes: ['even', 'odd'],
    imageShape: [1, 2, 3],
    label: (index) => index % 2,
    image: async (index, epoch): Promise<Image> => {
      await image(index, epoch);
      return ndarray(
        Float32Array.from({ length: 6 }, (_, k) => index + k / 10),
        [1, 2, 3],
      );
    },
  };
}

const pause = (milliseconds = 0): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Many turns of timers, so that whatever is going to begin has begun, however busy the machine is. */
async function settle(): Promise<void> {
  for (let k = 0; k < 20; k++) await pause();
}

/** Everything of each batch, to compare bit by bit. */
async function collect(
  batches: AsyncIterable<{ number: number; indices: readonly number[]; images: { data(): Promise<ArrayLike<number>> } }>,
) {
  const all: { number: number; indices: readonly number[]; pixels: number[] }[] = [];
  for await (const { number, indices, images } of batches) all.push({ number, indices, pixels: Array.from(await images.data()) });
  return all;
}

describe('preparing ahead', () => {
  const rejections: unknown[] = [];
  const listen = (reason: unknown): void => void rejections.push(reason);
  process.on('unhandledRejection', listen);
  afterEach(async () => {
    await settle();
    expect(rejections).toEqual([]);
  });

  it('begins the next batch while the consumer waits for its step, never before', async () => {
    const asked: number[] = [];
    const seen: { whileRecording: number; afterWaiting: number }[] = [];
    for await (const { number } of new DataLoader(
      dataset(5, (index) => void asked.push(index)),
      { batchSize: 1 },
    )) {
      await Promise.resolve(); // microtasks are still recording
      const whileRecording = asked.length - number;
      await settle();
      seen.push({ whileRecording, afterWaiting: asked.length - number });
    }
    expect(seen.slice(0, 4)).toEqual(new Array(4).fill({ whileRecording: 1, afterWaiting: 2 }));
    expect(asked).toEqual([0, 1, 2, 3, 4]);
  });
  it.each([0, 1, 3])('keeps at most %d batches ready', async (ahead) => {
    let asked = 0;
    const most: number[] = [];
    for await (const { number } of new DataLoader(
      dataset(12, () => void asked++),
      { batchSize: 1, ahead },
    )) {
      await settle();
      if (number < 6) most.push(asked - number - 1);
    }
    expect(most).toEqual(new Array(6).fill(ahead));
  });
  it('gives the same batches in the same order, whatever is ready first', async () => {
    const uneven = dataset(20, (index) => pause((index * 7) % 5));
    const options = {
      batchSize: 3,
      shuffle: true,
      seed: 4,
      transform: compose(randomCrop({ padding: 1 }), randomHorizontalFlip()),
    };
    const expected = await collect(new DataLoader(dataset(20), { ...options, ahead: 0 }));
    for (const ahead of [1, 4]) expect(await collect(new DataLoader(uneven, { ...options, ahead }))).toEqual(expected);
  });
  it.each(['break', 'throw'])('stops when the consumer leaves by %s', async (how) => {
    let asked = 0;
    const broken = dataset(100, async (index) => {
      asked++;
      await pause(2);
      if (index > 0) throw new DataError('nobody is there to hear of it');
    });
    const leave = async (): Promise<void> => {
      for await (const _ of new DataLoader(broken, { batchSize: 1, ahead: 3 })) {
        await pause(1);
        if (how === 'throw') throw new Error('mine');
        break;
      }
    };
    if (how === 'throw') await expect(leave()).rejects.toThrow('mine');
    else await leave();
    const before = asked;
    await settle();
    expect(asked).toBe(before);
    expect(asked).toBeLessThan(5);
  });
  it('throws what a data set throws when its batch is due, and ends', async () => {
    const broken = dataset(6, (index) => {
      if (index === 3) throw new Error('disk on fire');
    });
    const seen: number[] = [];
    const run = async (): Promise<void> => {
      for await (const { number } of new DataLoader(broken, { batchSize: 1, ahead: 2 })) {
        seen.push(number);
        await pause(5);
      }
    };
    await expect(run()).rejects.toThrow('disk on fire');
    expect(seen).toEqual([0, 1, 2]);
  });
  it('refuses options that cannot be', () => {
    const make = (options: object) => () => new DataLoader(dataset(3), { batchSize: 1, ...options });
    expect(make({ ahead: -1 })).toThrow('DataLoader: ahead -1 given; it needs to be a whole number of at least 0');
    expect(make({ unreadableLimit: Number.NaN })).toThrow('DataLoader: unreadableLimit NaN given');
    expect(() => new DataLoader(dataset(3), { batchSize: 2 }).epoch(0, { from: 3 })).toThrow(
      'DataLoader: from 3 given; an epoch has the batches 0 to 1',
    );
  });
  it('refuses a batch of different sizes', async () => {
    const sizes: Dataset = { ...dataset(3), image: (index) => ndarray(new Float32Array(2 + index), [1, 1, 2 + index]) };
    await expect(collect(new DataLoader(sizes, { batchSize: 2 }))).rejects.toThrow(
      'image 1 is [1, 1, 3] but image 0 of the same batch is [1, 1, 2]; use a batch size of 1 or a rule that crops',
    );
  });
});

describe('epoch', () => {
  const options = { batchSize: 4, shuffle: true, seed: 2, transform: randomHorizontalFlip() };
  it('is the rest of that epoch, bit by bit, from any batch on', async () => {
    const loader = new DataLoader(dataset(18), options);
    loader.setEpoch(3);
    const whole = await collect(loader);
    expect(whole.map(({ number }) => number)).toEqual([0, 1, 2, 3, 4]);
    for (let from = 0; from <= 5; from++) expect(await collect(loader.epoch(3, { from }))).toEqual(whole.slice(from));
    expect(await collect(loader.epoch(3))).toEqual(whole);
  });
  it('leaves the plain iteration where it was', async () => {
    const [one, other] = [new DataLoader(dataset(18), options), new DataLoader(dataset(18), options)];
    await collect(one);
    await collect(other);
    await collect(one.epoch(7));
    expect(await collect(one)).toEqual(await collect(other));
  });
  it('reaches the data set, through a subset too', async () => {
    const epochs: unknown[] = [];
    const inner = dataset(4, (_, epoch) => void epochs.push(epoch));
    await collect(new DataLoader(subset(inner, 2), { batchSize: 2 }).epoch(5));
    expect(epochs).toEqual([5, 5]);
  });
});

describe('unreadable pictures', () => {
  const failing = (...bad: number[]): Dataset =>
    dataset(10, async (index) => {
      if (bad.includes(index)) throw new PictureError(`${index}.jpg`, 'it is cut off');
    });
  it('are left out, counted and reported once', async () => {
    const heard: string[] = [];
    const loader = new DataLoader(failing(1, 4, 5), {
      batchSize: 4,
      unreadableLimit: 3,
      onUnreadable: (error, count) => heard.push(`${count}: ${error.message}`),
    });
    const first = await collect(loader);
    expect(first.map(({ indices }) => indices)).toEqual([
      [0, 2, 3],
      [6, 7],
      [8, 9],
    ]);
    expect(first.map(({ pixels }) => pixels.length)).toEqual([18, 12, 12]);
    expect(await collect(loader)).toEqual(first);
    expect(heard).toEqual([1, 4, 5].map((index, k) => `${k + 1}: ${index}.jpg cannot be read as a picture: it is cut off`));
  });
  it('end the run beyond the limit', async () => {
    await expect(collect(new DataLoader(failing(7), { batchSize: 3 }))).rejects.toThrow(PictureError);
    await expect(collect(new DataLoader(failing(1, 7, 8), { batchSize: 3, unreadableLimit: 2 }))).rejects.toThrow(
      '3 pictures cannot be read, and only 2 may be left out (unreadableLimit); the last one was 8.jpg',
    );
  });
  it('leave out a batch that consists of nothing else', async () => {
    const batches = await collect(new DataLoader(failing(2, 3), { batchSize: 2, unreadableLimit: 2 }));
    expect(batches.map(({ number }) => number)).toEqual([0, 2, 3, 4]);
    const nothing = new DataLoader(subset(failing(2, 3), [2, 3]), { batchSize: 1, unreadableLimit: 2 });
    await expect(collect(nothing)).rejects.toThrow('not one picture of the data set can be read');
  });
});
