/** What happens to an image on its way into a batch. Crops and flips are views; padding and normalising copy. */
import ndarray from 'ndarray';
import type { Dataset, Image } from './dataset.ts';
import type { Random } from './random.ts';

/** Makes an image of an image; chance comes from `random` alone. */
export type Transform = (image: Image, random: Random) => Image;

/** The transforms one after another, as one. */
export function compose(...transforms: readonly Transform[]): Transform {
  return (image, random) => transforms.reduce((sofar, transform) => transform(sofar, random), image);
}

/**
 * Black padding on every side, 4 pixels by default, then a random piece of the original size (or `size` x `size`): He et al.
 * 2015, sec. 4.2. Throws a RangeError for an image into which the piece does not fit.
 */
export function randomCrop({ padding = 4, size }: { readonly padding?: number; readonly size?: number } = {}): Transform {
  return (image, random) => {
    const [, h, w] = [image.shape[0]!, image.shape[1]!, image.shape[2]!];
    const padded = padding > 0 ? pad(image, padding) : image;
    const [height, width] = [size ?? h, size ?? w];
    const [spareY, spareX] = [padded.shape[1]! - height, padded.shape[2]! - width];
    if (spareY < 0 || spareX < 0)
      throw new RangeError(
        `randomCrop: a piece of ${height} x ${width} does not fit into ${h} x ${w} with a padding of ${padding}`,
      );
    const [top, left] = [random.integer(spareY + 1), random.integer(spareX + 1)];
    return padded.lo(0, top, left).hi(-1, height, width);
  };
}

function pad(image: Image, padding: number): Image {
  const [c, h, w] = [image.shape[0]!, image.shape[1]!, image.shape[2]!];
  const [height, width] = [h + 2 * padding, w + 2 * padding];
  const data = new Float32Array(c * height * width);
  forEachRow(image, (row, channel, y) => {
    const to = (channel * height + y + padding) * width + padding;
    for (let x = 0; x < w; x++) data[to + x] = image.data[row + x * image.stride[2]!]!;
  });
  return ndarray(data, [c, height, width]);
}

/** Where each row begins in the image's data. Loops along a row are the callers' own: a call a pixel would take most of the time. */
function forEachRow({ shape, stride, offset }: Image, visit: (start: number, channel: number, y: number) => void): void {
  for (let channel = 0; channel < shape[0]!; channel++) {
    for (let y = 0; y < shape[1]!; y++) visit(offset + channel * stride[0]! + y * stride[1]!, channel, y);
  }
}

/** Left and right exchanged, for half of the images; no pixel moves. */
export function randomHorizontalFlip(): Transform {
  return (image, random) => (random.float() < 0.5 ? image.step(1, 1, -1) : image);
}

/** Of red, green and blue: three rows of three numbers. */
export type Covariance = readonly (readonly number[])[];

/**
 * AlexNet's colour augmentation (Krizhevsky et al. 2012, sec. 4.1): every pixel of an image gets the same shift, along the colours'
 * principal components. With P the eigenvectors (columns) and l the eigenvalues of the covariance C of the training pixels (values from 0 to 1), the
 * shift is P (a * l), a ~ N(0, 0.1^2) three numbers for each image. It is normal, with mean 0 and covariance
 *
 *     P diag(l) (0.01 I) diag(l) P^T = 0.01 P diag(l)^2 P^T = 0.01 C C,   since C = P diag(l) P^T and P^T P = I.
 *
 * For z ~ N(0, I), 0.1 C z is normal too, with mean 0 and covariance 0.1 C I (0.1 C)^T = 0.01 C C. The distributions are the same, so no
 * eigenvector needs to be found.
 */
export function lighting(covariance: Covariance, { strength = 0.1 }: { readonly strength?: number } = {}): Transform {
  const numbers = covariance.flat();
  if (covariance.length !== 3 || covariance.some((row) => row.length !== 3) || ![...numbers, strength].every(Number.isFinite))
    throw new RangeError(
      `lighting: covariance ${JSON.stringify(covariance)} and strength ${strength} given; three rows of three finite numbers and a finite number are needed`,
    );
  return (image, random) => {
    const z = [random.normal(), random.normal(), random.normal()];
    const shift = covariance.map((row) => strength * row.reduce((sum, value, k) => sum + value * z[k]!, 0));
    return perChannel(
      image,
      shift.map((value) => -value),
      [1, 1, 1],
    );
  };
}

/** (x - mean) / std by channel. Throws a RangeError for numbers that are not finite and for a std of 0. */
export function normalise({ mean, std }: { readonly mean: readonly number[]; readonly std: readonly number[] }): Transform {
  if (
    mean.length !== std.length ||
    std.some((value) => !(value !== 0 && Number.isFinite(value))) ||
    !mean.every(Number.isFinite)
  ) {
    throw new RangeError(
      `normalise: mean [${mean}] and std [${std}] given; both need a finite number for every channel, and std none that is 0`,
    );
  }
  return (image) => perChannel(image, mean, std);
}

function perChannel(image: Image, mean: readonly number[], std: readonly number[]): Image {
  const [height, width, step] = [image.shape[1]!, image.shape[2]!, image.stride[2]!];
  const data = new Float32Array(image.size);
  forEachRow(image, (row, channel, y) => {
    const to = (channel * height + y) * width;
    for (let x = 0; x < width; x++) {
      const value = image.data[row + x * step]!;
      data[to + x] = (value - mean[channel]!) / std[channel]!;
    }
  });
  return ndarray(data, [...image.shape]);
}

/** x - mean, pixel by pixel: the paper's normalisation. The mean image has the images' own shape, so augment after it. */
export function subtractMean(mean: Image): Transform {
  return (image) => {
    const [height, width, step] = [image.shape[1]!, image.shape[2]!, image.stride[2]!];
    const data = new Float32Array(image.size);
    forEachRow(image, (row, channel, y) => {
      const to = (channel * height + y) * width;
      const meanRow = mean.index(channel, y, 0);
      for (let x = 0; x < width; x++) data[to + x] = image.data[row + x * step]! - mean.data[meanRow + x * mean.stride[2]!]!;
    });
    return ndarray(data, [...image.shape]);
  };
}

/** The mean of all images of a data set, [c, h, w], summed in float64: what `subtractMean` takes. */
export async function perPixelMean(dataset: Dataset): Promise<Image> {
  const [c, h, w] = dataset.imageShape;
  const total = new Float64Array(c * h * w);
  for (let index = 0; index < dataset.length; index++) {
    const image = await dataset.image(index);
    forEachRow(image, (row, channel, y) => {
      for (let x = 0; x < w; x++) total[(channel * h + y) * w + x]! += image.data[row + x * image.stride[2]!]!;
    });
  }
  return ndarray(
    Float32Array.from(total, (sum) => sum / dataset.length),
    [c, h, w],
  );
}
