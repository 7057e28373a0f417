/** DataLoader: a data set as a sequence of batches, in order or shuffled, each image through the transform. */
import { tensor } from '../core/tensor.ts';
import { inAdvance, type Wanted } from './ahead.ts';
import { type Batch, stack } from './batch.ts';
import type { Dataset, Image } from './dataset.ts';
import { DataError, PictureError } from './error.ts';
import { permutation, randomFor } from './random.ts';
import type { Transform } from './transforms.ts';
import { readable, Unreadable, type UnreadableOptions } from './unreadable.ts';

/** Options of `DataLoader`. */
export interface LoaderOptions extends UnreadableOptions {
  /** Images in a batch; the last of an epoch may have fewer. */
  readonly batchSize: number;
  /** Another order in every epoch; false by default. */
  readonly shuffle?: boolean;
  /** Of order and augmentation; 0 by default. */
  readonly seed?: number;
  /** Leaves out the last batch when it is not full; false by default. */
  readonly dropLast?: boolean;
  /** What changes each image on its way into a batch; nothing by default. */
  readonly transform?: Transform;
  /** So many batches are prepared while the consumer works on the one it has; 1 by default. */
  readonly ahead?: number;
}

/** Draws that depend on the epoch only, and those for an image, must not meet. */
const [ORDER, IMAGE] = [1, 2];

/**
 * A data set as a sequence of batches. Iterate it once an epoch. Order and augmentation are drawn from (seed, epoch, image), so
 * they do not depend on the batch size, and an epoch can be repeated: `setEpoch`, or from any batch on: `epoch`.
 */
export class DataLoader implements AsyncIterable<Batch> {
  private next = 0;
  private readonly options: Required<Omit<LoaderOptions, keyof UnreadableOptions>>;
  private readonly unreadable: Unreadable;

  /** Throws a RangeError for an option out of range, for an empty data set, and where `dropLast` leaves no batch. */
  constructor(
    private readonly dataset: Dataset,
    options: LoaderOptions,
  ) {
    const { batchSize, ahead = 1 } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1)
      throw new RangeError(`DataLoader: batchSize ${batchSize} given; it needs to be a whole number of at least 1`);
    if (!Number.isInteger(ahead) || ahead < 0)
      throw new RangeError(`DataLoader: ahead ${ahead} given; it needs to be a whole number of at least 0`);
    if (dataset.length === 0) throw new RangeError('DataLoader: the data set is empty; give it at least one image');
    this.options = { shuffle: false, seed: 0, dropLast: false, transform: (image) => image, ahead, ...options };
    this.unreadable = new Unreadable(options);
    if (this.length === 0)
      throw new RangeError(
        `DataLoader: no batch is full (${dataset.length} images, batchSize ${batchSize}), and dropLast leaves out the others`,
      );
  }

  /** Images of the data set. */
  get images(): number {
    return this.dataset.length;
  }

  /** Batches an epoch. */
  get length(): number {
    const batches = this.dataset.length / this.options.batchSize;
    return this.options.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** The next iteration is epoch n; without it, each iteration is the next one. */
  setEpoch(epoch: number): void {
    this.next = epoch;
  }

  /** The batches of the next epoch: 0 at first, or what `setEpoch` said. */
  [Symbol.asyncIterator](): AsyncIterator<Batch> {
    return this.batches(this.next++, 0);
  }

  /** The batches of one epoch from batch number `from` on, the same as in a whole epoch. */
  epoch(epoch: number, { from = 0 }: { readonly from?: number } = {}): AsyncIterable<Batch> {
    if (!Number.isInteger(from) || from < 0 || from > this.length)
      throw new RangeError(`DataLoader: from ${from} given; an epoch has the batches 0 to ${this.length - 1}`);
    return { [Symbol.asyncIterator]: () => this.batches(epoch, from) };
  }

  private async *batches(epoch: number, from: number): AsyncGenerator<Batch, void, undefined> {
    const order = this.orderOf(epoch);
    const { batchSize, ahead } = this.options;
    let given = 0;
    for await (const batch of inAdvance({ from, end: this.length, ahead }, (k, wanted) =>
      this.prepare(k, order.slice(k * batchSize, (k + 1) * batchSize), epoch, wanted),
    )) {
      given++;
      yield batch;
    }
    if (given === 0 && from === 0)
      throw new DataError('not one picture of the data set can be read; there is nothing to go on with');
  }

  private orderOf(epoch: number): number[] {
    const { shuffle, seed } = this.options;
    return shuffle
      ? permutation(this.dataset.length, randomFor(seed, ORDER, epoch))
      : Array.from({ length: this.dataset.length }, (_, k) => k);
  }

  /** Undefined when not one of its pictures can be read, or when nobody wants it any more. */
  private async prepare(number: number, asked: readonly number[], epoch: number, wanted: Wanted): Promise<Batch | undefined> {
    const { seed, transform } = this.options;
    const images: Image[] = [];
    const indices: number[] = [];
    // All at once, so that the threads of a data set share them.
    const read = await Promise.all(asked.map((index) => readable(this.dataset, index, epoch)));
    for (const [k, image] of read.entries()) {
      if (wanted.stopped) return undefined;
      const index = asked[k]!;
      if (image instanceof PictureError) this.unreadable.add(image);
      else {
        images.push(transform(image, randomFor(seed, IMAGE, epoch, index)));
        indices.push(index);
      }
    }
    if (images.length === 0) return undefined;
    const labels = Float32Array.from(indices, (index) => this.dataset.label(index));
    return { number, images: stack(images, indices), labels: tensor(labels, [labels.length]), indices };
  }
}
