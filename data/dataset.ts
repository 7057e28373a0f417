/**
 * Data sets: images with labels, one at a time, on the host. The folder owns reading, drawing and changing pictures and putting them
 * into batches; of the framework it knows only how to make a tensor.
 */
import type { NdArray } from 'ndarray';

/** An image as [c, h, w], values from 0 to 1 until a transform changes them. Often a view: crops and flips move no pixel. */
export type Image = NdArray<Float32Array>;

/** Images with labels, read one at a time: write your own to train on your own images. */
export interface Dataset {
  /** Number of images. */
  readonly length: number;
  /** Names by label. */
  readonly classes: readonly string[];
  /** [c, h, w] of every image; where they differ in size, of the smallest there can be. */
  readonly imageShape: readonly [number, number, number];
  /** The image of an index from 0 on. The epoch matters only where images are changed while they are read. */
  image(index: number, epoch?: number): Image | Promise<Image>;
  /** Its class, an index into `classes`. */
  label(index: number): number;
  /** Ends the threads of a data set that has some. */
  close?(): Promise<void>;
}

/**
 * The first `chosen` images, or those with the given indices, in that order. Throws a RangeError for images that the data set
 * lacks.
 */
export function subset(dataset: Dataset, chosen: number | readonly number[]): Dataset {
  const indices = typeof chosen === 'number' ? Array.from({ length: chosen }, (_, k) => k) : [...chosen];
  const wrong = indices.find((index) => !Number.isInteger(index) || index < 0 || index >= dataset.length);
  if (wrong !== undefined)
    throw new RangeError(`subset: image ${wrong} was asked for, but the data set has images 0 to ${dataset.length - 1}`);
  return {
    length: indices.length,
    classes: dataset.classes,
    imageShape: dataset.imageShape,
    image: (index, epoch) => dataset.image(indices[index]!, epoch),
    label: (index) => dataset.label(indices[index]!),
    close: async () => dataset.close?.(),
  };
}
