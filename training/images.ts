/** What settings make of images that fit into memory, in a page as on the command line: which are trained on, and what the network sees. */
import ndarray from 'ndarray';
import {
  compose,
  type Dataset,
  holdOut,
  type Image,
  normalise,
  perPixelMean,
  randomCrop,
  randomHorizontalFlip,
  subset,
  subtractMean,
  synthetic,
  type Transform,
} from '../data/browser.ts';
import { decodeSafetensors, encodeSafetensors, WeightsError } from '../models/browser.ts';
import type { PictureSettings } from './recipes.ts';
import type { RunSettings } from './runSettings.ts';

/** What is subtracted from the pixels, once it is known, and what they are divided by. */
export interface Normalisation {
  /** By channel, or a picture [3, h, w]. */
  readonly mean: readonly number[] | Image;
  /** By channel. */
  readonly std: readonly number[];
}

/** Images of the built-in data set in a run without a limit. */
const SYNTHETIC_COUNT = { train: 1600, test: 500 } as const;

/** The built-in images that the settings name; without a limit 1,600 to train on and 500 to test with. */
export function syntheticImages({ seed, limit }: Pick<RunSettings, 'seed' | 'limit'>, split: 'train' | 'test'): Dataset {
  return synthetic({ split, count: limit ?? SYNTHETIC_COUNT[split], seed });
}

/** The first images of a data set, as many as the settings allow. */
export function limited(images: Dataset, { limit }: Pick<RunSettings, 'limit'>): Dataset {
  return limit === null || limit >= images.length ? images : subset(images, limit);
}

/**
 * The numbers of the images to train on, out of `length`, and of those held out to validate on. Throws where none would be left
 * to train on.
 */
export function splitFor(
  { validation, seed }: Pick<RunSettings, 'validation' | 'seed'>,
  length: number,
): ReturnType<typeof holdOut> {
  if (validation >= length)
    throw new Error(`--validation ${validation} holds out all of the ${length} training images; it needs to be less`);
  return holdOut(length, validation, seed);
}

/** The mean that the settings ask for, taken over the images that are trained on. */
export async function normalisationFor(
  trained: Dataset,
  { mean, std }: Pick<PictureSettings, 'mean' | 'std'>,
): Promise<Normalisation> {
  if (typeof mean !== 'string') return { mean, std };
  const picture = await perPixelMean(trained);
  return { mean: mean === 'pixel' ? picture : channelMeans(picture), std };
}

/**
 * What happens to images on their way into a batch. To those trained on, unless `augment` is none, the paper's augmentation (sec. 4.2): pad
 * by 4, crop, flip. A mean picture is subtracted before, since it belongs to whole images; then the padding has the mean's value.
 */
export function imageTransforms(
  { augment }: Pick<PictureSettings, 'augment'>,
  normalisation: Normalisation,
): {
  /** For images that are trained on. */
  readonly training: Transform;
  /** For all others. */
  readonly evaluation: Transform;
} {
  const evaluation = normalising(normalisation);
  if (augment === 'none') return { training: evaluation, evaluation };
  const moves = [randomCrop({ padding: 4 }), randomHorizontalFlip()];
  const training = 'shape' in normalisation.mean ? compose(evaluation, ...moves) : compose(...moves, evaluation);
  return { training, evaluation };
}

function normalising({ mean, std }: Normalisation): Transform {
  return 'shape' in mean ? compose(subtractMean(mean), normalise({ mean: [0, 0, 0], std })) : normalise({ mean, std });
}

/** Means of the channels of a picture [3, h, w]. */
export function channelMeans({ data, shape }: Image): number[] {
  const pixels = shape[1]! * shape[2]!;
  return [0, 1, 2].map((c) => data.subarray(c * pixels, (c + 1) * pixels).reduce((sum, value) => sum + value / pixels, 0));
}

/** The bytes of a mean.safetensors, in pieces: evaluation needs the mean that training has subtracted, and a page to go on with it. */
export function encodeMean(mean: Normalisation['mean']): Uint8Array[] {
  const picture =
    'shape' in mean
      ? { shape: mean.shape, data: Float32Array.from(mean.data) }
      : { shape: [mean.length], data: Float64Array.from(mean) };
  return encodeSafetensors(new Map([['mean', picture]]), { exact: true });
}

/** What `encodeMean` wrote; throws a WeightsError that names the file. */
export function decodeMean(bytes: Uint8Array, file: string): Normalisation['mean'] {
  const mean = decodeSafetensors(bytes, file).get('mean');
  if (mean === undefined || ![1, 3].includes(mean.shape.length))
    throw new WeightsError(`${file} does not hold a mean; it is damaged`);
  return mean.shape.length === 1 ? [...mean.data] : ndarray(Float32Array.from(mean.data), [...mean.shape]);
}
