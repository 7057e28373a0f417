/** Images of one size put together as one tensor. */
import { type Tensor, tensor } from '../core/tensor.ts';
import type { Image } from './dataset.ts';
import { DataError } from './error.ts';

/** What a `DataLoader` gives: some images with their labels, as tensors. */
export interface Batch {
  /** Which batch of its epoch this is, from 0. */
  readonly number: number;
  /** [n, c, h, w] */
  readonly images: Tensor;
  /** [n], whole numbers. */
  readonly labels: Tensor;
  /** Which images of the data set these are. */
  readonly indices: readonly number[];
}

/** [c, h, w] each, of the data set's images with these indices. */
export function stack(images: readonly Image[], indices: readonly number[]): Tensor {
  const { shape, size } = images[0]!;
  const data = new Float32Array(images.length * size);
  images.forEach((image, k) => {
    if (image.shape.some((extent, axis) => extent !== shape[axis]))
      throw new DataError(
        `image ${indices[k]} is [${image.shape.join(', ')}] but image ${indices[0]} of the same batch is [${shape.join(', ')}]; use a batch size of 1 or a rule that crops`,
      );
    copyImage(image, data, k * size, indices[k]!);
  });
  return tensor(data, [images.length, ...shape]);
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
