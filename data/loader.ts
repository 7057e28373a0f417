/** DataLoader: a data set as a sequence of batches, in order or shuffled, each image through the transform. */
import { type Tensor, tensor } from '../core/tensor.ts';
import type { Dataset, Image } from './dataset.ts';
import { DataError } from './error.ts';
import { permutation, randomFor } from './random.ts';
import type { Transform } from './transforms.ts';

export interface LoaderOptions {
  readonly batchSize: number;
  /** Another order in every epoch. */
  readonly shuffle?: boolean;
  readonly seed?: number;
  /** Leaves out the last batch when it is not full. */
  readonly dropLast?: boolean;
  readonly transform?: Transform;
}

export interface Batch {
  /** [n, c, h, w] */
  readonly images: Tensor;
  /** [n], whole numbers. */
  readonly labels: Tensor;
  /** Which images of the data set these are. */
  readonly indices: readonly number[];
}

/** Draws that depend on the epoch only, and those for an image, must not meet. */
const [ORDER, IMAGE] = [1, 2];

/**
 * Iterate it once an epoch. Order and augmentation are drawn from (seed, epoch, image), so they do not depend on the batch size, and
 * an epoch can be repeated: `setEpoch`.
 */
export class DataLoader implements AsyncIterable<Batch> {
  private epoch = 0;
  private readonly options: Required<Omit<LoaderOptions, 'transform'>> & { readonly transform: Transform };

  constructor(
    private readonly dataset: Dataset,
    options: LoaderOptions,
  ) {
    const { batchSize } = options;
    if (!Number.isInteger(batchSize) || batchSize < 1)
      throw new RangeError(`DataLoader: batchSize ${batchSize} given; it needs to be a whole number of at least 1`);
    if (dataset.length === 0) throw new RangeError('DataLoader: the data set is empty; give it at least one image');
    this.options = { shuffle: false, seed: 0, dropLast: false, transform: (image) => image, ...options };
    if (this.length === 0)
      throw new RangeError(
        `DataLoader: no batch is full (${dataset.length} images, batchSize ${batchSize}), and dropLast leaves out the others`,
      );
  }

  /** Batches an epoch. */
  get length(): number {
    const batches = this.dataset.length / this.options.batchSize;
    return this.options.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  /** The next iteration is epoch n; without it, each iteration is the next one. */
  setEpoch(epoch: number): void {
    this.epoch = epoch;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Batch> {
    const epoch = this.epoch++;
    const order = this.orderOf(epoch);
    const { batchSize } = this.options;
    for (let batch = 0; batch < this.length; batch++) {
      await turn();
      yield this.batch(order.slice(batch * batchSize, (batch + 1) * batchSize), epoch);
    }
  }

  private orderOf(epoch: number): number[] {
    const { shuffle, seed } = this.options;
    return shuffle
      ? permutation(this.dataset.length, randomFor(seed, ORDER, epoch))
      : Array.from({ length: this.dataset.length }, (_, k) => k);
  }

  private batch(indices: readonly number[], epoch: number): Batch {
    const { seed, transform } = this.options;
    const images = indices.map((index) => transform(this.dataset.image(index), randomFor(seed, IMAGE, epoch, index)));
    const shape = images[0]!.shape;
    const size = images[0]!.size;
    const data = new Float32Array(images.length * size);
    images.forEach((image, k) => copyImage(image, data, k * size, indices[k]!));
    const labels = Float32Array.from(indices, (index) => this.dataset.label(index));
    return { images: tensor(data, [images.length, ...shape]), labels: tensor(labels, [images.length]), indices };
  }
}

/** A view's pixels, row by row. A pixel that is not a number would spread into every weight, so it is refused here. */
function copyImage({ data, shape, stride, offset }: Image, out: Float32Array, start: number, index: number): void {
  let at = start;
  for (let c = 0; c < shape[0]!; c++) {
    for (let y = 0; y < shape[1]!; y++) {
      const row = offset + c * stride[0]! + y * stride[1]!;
      for (let x = 0; x < shape[2]!; x++) {
        const value = data[row + x * stride[2]!]!;
        if (!Number.isFinite(value))
          throw new DataError(
            `image ${index} has the value ${value} at [${c}, ${y}, ${x}]; remove the image or mend the transform`,
          );
        out[at++] = value;
      }
    }
  }
}

/** Timers and signals get a turn between batches, even where the caller awaits nothing else. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
