/**
 * What is done to a picture on its way from the file into a batch, as plain data, so that it can be sent to a thread:
 * resize, crop, flip, lighting, normalise, in this order.
 */
import ndarray from 'ndarray';
import type { Random } from '../random.ts';
import { type Covariance, compose, lighting, normalise, subtractMean, type Transform } from '../transforms.ts';

/** How a picture is resized and which pieces of it become images. Lengths are whole numbers of pixels from 1 to 4096. */
export type CropRule =
  | {
      /** A random square of the resized picture or its mirror image (He et al. 2015, sec. 3.4). */
      readonly kind: 'random';
      /** The shorter side gets a length from this range, both ends included. */
      readonly shorterSide: readonly [number, number];
      /** The square's side. */
      readonly size: number;
    }
  | {
      /** The square in the middle; or the four corners and the middle, then their mirror images: ten views, as AlexNet was tested. */
      readonly kind: 'centre' | 'ten';
      /** The length that the shorter side gets. */
      readonly shorterSide: number;
      /** The square's side. */
      readonly size: number;
    }
  | {
      /** All of it, but for what is cut off: networks without a fixed size meet few sizes, each a compiled plan. */
      readonly kind: 'whole';
      /** The length that the shorter side gets. */
      readonly shorterSide: number;
      /** Both sides are cut, at the centre, to a multiple of it. */
      readonly multiple: number;
      /** Whether left and right are exchanged. */
      readonly flip: boolean;
    };

/** (x - mean) / std by channel, or x - mean by channel, or x - mean pixel by pixel with a mean of [3, size, size]. */
export type PictureNormalisation =
  | {
      /** By channel. */
      readonly mean: readonly number[];
      /** By channel; 1 by default. */
      readonly std?: readonly number[];
    }
  | {
      /** The mean picture, [3, size, size], flat. */
      readonly meanImage: Float32Array;
    };

/** What is done to a picture: resize, crop, flip, lighting, normalise, in this order. */
export interface PictureRule {
  /** How it is resized and cut. */
  readonly crop: CropRule;
  /** Covariance of red, green and blue, for `lighting`. */
  readonly lighting?: Covariance;
  /** What is subtracted from the values and what they are divided by; nothing by default. */
  readonly normalise?: PictureNormalisation;
}

/** How many images a picture makes. */
export const viewsOf = ({ crop }: PictureRule): number => (crop.kind === 'ten' ? 10 : 1);

/** Height and width after the crop; of whole pictures, the least there can be. */
export function cropSide({ crop }: PictureRule): number {
  return crop.kind === 'whole' ? crop.shorterSide - (crop.shorterSide % crop.multiple) : crop.size;
}

/** Throws a sentence about a rule that no picture can follow. */
export function checkRule(rule: PictureRule): void {
  const { crop } = rule;
  const lengths = crop.kind === 'random' ? crop.shorterSide : [crop.shorterSide];
  const part = crop.kind === 'whole' ? crop.multiple : crop.size;
  if (![...lengths, part].every((length) => Number.isInteger(length) && length >= 1 && length <= 4096))
    throw new RangeError(`imageFolder: the rule ${JSON.stringify(crop)} needs whole numbers of pixels from 1 to 4096`);
  if (part > lengths[0]! || lengths[0]! > lengths.at(-1)!)
    throw new RangeError(
      `imageFolder: a piece of ${part} pixels does not fit into a shorter side of ${lengths[0]} (rule ${JSON.stringify(crop)})`,
    );
  if (rule.normalise !== undefined && 'meanImage' in rule.normalise) checkMeanImage(rule.normalise.meanImage, crop);
  transformOf(rule);
}

function checkMeanImage({ length }: Float32Array, crop: CropRule): void {
  if (crop.kind === 'whole')
    throw new RangeError('imageFolder: whole pictures differ in size, so their mean has to be one by channel, not by pixel');
  if (length !== 3 * crop.size * crop.size)
    throw new RangeError(
      `imageFolder: the mean image has ${length} values, but pieces of [3, ${crop.size}, ${crop.size}] need ${3 * crop.size * crop.size}`,
    );
}

/** Where to cut, and whether to mirror. */
export interface Cut {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
  readonly mirrored: boolean;
}

/** The shorter side's length, drawn before the picture is resized. */
export function shorterSideFor({ crop }: PictureRule, random: Random): number {
  if (crop.kind !== 'random') return crop.shorterSide;
  const [from, to] = crop.shorterSide;
  return from + random.integer(to - from + 1);
}

/** The piece of a resized picture that is view number `view`. */
export function cutFor(
  { crop }: PictureRule,
  { height, width }: Pick<Cut, 'height' | 'width'>,
  view: number,
  random: Random,
): Cut {
  const [spareY, spareX] =
    crop.kind === 'whole' ? [height % crop.multiple, width % crop.multiple] : [height - crop.size, width - crop.size];
  const piece = { height: height - spareY, width: width - spareX };
  const centre = { top: Math.floor(spareY / 2), left: Math.floor(spareX / 2) };
  if (crop.kind === 'whole') return { ...piece, ...centre, mirrored: crop.flip };
  if (crop.kind === 'centre') return { ...piece, ...centre, mirrored: false };
  if (crop.kind === 'random') {
    const [top, left] = [random.integer(spareY + 1), random.integer(spareX + 1)];
    return { ...piece, top, left, mirrored: random.float() < 0.5 };
  }
  const corner = view % 5;
  const place = corner === 4 ? centre : { top: corner < 2 ? 0 : spareY, left: corner % 2 === 0 ? 0 : spareX };
  return { ...piece, ...place, mirrored: view >= 5 };
}

/** Lighting, then normalising. */
export function transformOf(rule: PictureRule): Transform {
  const steps: Transform[] = [];
  if (rule.lighting !== undefined) steps.push(lighting(rule.lighting));
  const normal = rule.normalise;
  if (normal !== undefined && 'meanImage' in normal) {
    const side = cropSide(rule);
    steps.push(subtractMean(ndarray(normal.meanImage, [3, side, side])));
  } else if (normal !== undefined) steps.push(normalise({ mean: normal.mean, std: normal.std ?? normal.mean.map(() => 1) }));
  return compose(...steps);
}
