/** What normalising and lighting need to know of the training pictures, from a sample of them. */
import ndarray from 'ndarray';
import type { Image } from '../dataset.ts';
import { DataError, PictureError } from '../error.ts';
import { permutation, randomFor } from '../random.ts';
import type { Covariance } from '../transforms.ts';
import { readable, Unreadable, type UnreadableOptions } from '../unreadable.ts';
import type { ImageFolder } from './imageFolder.ts';

/** Options of `pictureStatistics`. */
export interface StatisticsOptions extends UnreadableOptions {
  /** At most so many pictures, drawn at random; 2,000 by default. */
  readonly sample?: number;
  /** Of the draw; 0 by default. */
  readonly seed?: number;
  /** The length that a shorter side gets before its centre is cut out; 256 by default. */
  readonly shorterSide?: number;
  /** Side of the central square; 224 by default. */
  readonly size?: number;
}

/** Means and deviations of values from 0 to 1, over all pixels of all centre crops. */
export interface PictureStatistics {
  /** By channel. */
  readonly mean: readonly number[];
  /** Standard deviation by channel. */
  readonly std: readonly number[];
  /** Of red, green and blue. */
  readonly covariance: Covariance;
  /** The mean pixel by pixel, [3, size, size]. */
  readonly meanImage: Image;
  /** How many were read. */
  readonly pictures: number;
}

/** Keeps the sample from being one of the loader's orders. */
const SAMPLE = 22;
/** Pictures asked for at a time: enough for every thread. */
const AT_ONCE = 32;

/**
 * What `normalise`, `subtractMean` and `lighting` need to know of the pictures of a folder, from a sample. Sums are in float64
 * and in the order of the sample, so the number of threads does not change a bit of them. Throws a DataError where no picture can
 * be read, or more cannot than `unreadableLimit`.
 */
export async function pictureStatistics(
  folder: ImageFolder,
  { sample = 2000, seed = 0, shorterSide = 256, size = 224, ...options }: StatisticsOptions = {},
): Promise<PictureStatistics> {
  const centre = folder.withRule({ crop: { kind: 'centre', shorterSide, size } });
  const chosen = permutation(centre.length, randomFor(seed, SAMPLE)).slice(0, sample);
  const unreadable = new Unreadable(options);
  const sums = newSums(size * size);
  for (let from = 0; from < chosen.length; from += AT_ONCE) {
    const reading = chosen.slice(from, from + AT_ONCE).map((index) => readable(centre, index));
    for (const image of await Promise.all(reading)) {
      if (image instanceof PictureError) unreadable.add(image);
      else addImage(sums, image);
    }
  }
  if (sums.pictures === 0) throw new DataError('pictureStatistics: not one picture of the sample can be read');
  return finish(sums, size);
}

interface Sums {
  pictures: number;
  readonly pixels: Float64Array;
  /** Products of two channels, [3, 3], the upper half. */
  readonly products: Float64Array;
}

const newSums = (plane: number): Sums => ({
  pictures: 0,
  pixels: new Float64Array(3 * plane),
  products: new Float64Array(9),
});

const PAIRS = [0, 1, 2].flatMap((one) => [0, 1, 2].filter((other) => other >= one).map((other) => [one, other] as const));

/** Products are summed picture by picture first, which keeps the rounding of long sums small. */
function addImage(sums: Sums, { data }: Image): void {
  const plane = data.length / 3;
  sums.pictures++;
  for (let k = 0; k < data.length; k++) sums.pixels[k]! += data[k]!;
  for (const [one, other] of PAIRS) {
    let total = 0;
    for (let k = 0; k < plane; k++) total += data[one * plane + k]! * data[other * plane + k]!;
    sums.products[one * 3 + other]! += total;
  }
}

function finish({ pictures, pixels, products }: Sums, size: number): PictureStatistics {
  const plane = size * size;
  const count = pictures * plane;
  const mean = [0, 1, 2].map((c) => pixels.subarray(c * plane, (c + 1) * plane).reduce((sum, x) => sum + x, 0) / count);
  const covariance = [0, 1, 2].map((a) =>
    [0, 1, 2].map((b) => products[Math.min(a, b) * 3 + Math.max(a, b)]! / count - mean[a]! * mean[b]!),
  );
  const meanImage = ndarray(
    Float32Array.from(pixels, (sum) => sum / pictures),
    [3, size, size],
  );
  return { mean, std: covariance.map((row, c) => Math.sqrt(Math.max(0, row[c]!))), covariance, meanImage, pictures };
}
