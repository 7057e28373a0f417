/**
 * The built-in data set: ten kinds of shapes on textured backgrounds, 32 x 32, drawn from a seed. Place, size, angle and colours are
 * random, and a shape is as often darker as lighter than what is behind it, so single pixels say next to nothing about the class.
 */
import ndarray from 'ndarray';
import type { Dataset } from './dataset.ts';
import { type Random, randomFor } from './random.ts';
import { SHAPES } from './shapes.ts';

const SIDE = 32;
const PIXELS = SIDE * SIDE;
/** Radians by which a shape is turned at most: rows must not become columns, nor a cross a saltire. */
const MAX_TILT = 0.4;

/** Options of `synthetic`. */
export interface SyntheticOptions {
  /** Which images; `train` by default, and no image is in both. */
  readonly split?: 'train' | 'test';
  /** How many; 1,600 by default. */
  readonly count?: number;
  /** Of everything that is drawn; 0 by default. */
  readonly seed?: number;
}

/**
 * The built-in data set: ten kinds of shapes on textured backgrounds, [3, 32, 32], the classes in turn. Image k depends on (seed,
 * split, k) only, and no image is in both splits. Throws a RangeError for a count that is not a whole number of at least 1.
 */
export function synthetic({ split = 'train', count = 1600, seed = 0 }: SyntheticOptions = {}): Dataset {
  if (!Number.isInteger(count) || count < 1)
    throw new RangeError(`synthetic: count ${count} given; it needs to be a whole number of at least 1`);
  const drawn: (Float32Array | undefined)[] = [];
  const label = (index: number): number => index % SHAPES.length;
  return {
    length: count,
    classes: SHAPES.map(({ name }) => name),
    imageShape: [3, SIDE, SIDE],
    label,
    image: (index) => {
      drawn[index] ??= draw(label(index), randomFor(seed, split === 'train' ? 11 : 12, index));
      return ndarray(drawn[index]!, [3, SIDE, SIDE]);
    },
  };
}

type Colour = readonly [number, number, number];

/** Background, then the shape over it by how much of each pixel it covers, then a little noise. */
function draw(label: number, random: Random): Float32Array {
  const [ground, figure] = contrastingColours(random);
  const background = texture(random);
  const surface = texture(random);
  const coverage = coverageOf(label, random);
  const image = new Float32Array(3 * PIXELS);
  for (let channel = 0; channel < 3; channel++) {
    for (let p = 0; p < PIXELS; p++) {
      const behind = ground[channel]! + background[p]!;
      const front = figure[channel]! + surface[p]! * 0.5;
      const noise = (random.float() - 0.5) * 0.06;
      image[channel * PIXELS + p] = Math.min(1, Math.max(0, behind + (front - behind) * coverage[p]! + noise));
    }
  }
  return image;
}

/** Two colours whose brightness differs clearly, in either direction. */
function contrastingColours(random: Random): [Colour, Colour] {
  const colour = (): Colour => [0.1 + 0.8 * random.float(), 0.1 + 0.8 * random.float(), 0.1 + 0.8 * random.float()];
  const brightness = ([r, g, b]: Colour): number => (r + g + b) / 3;
  for (;;) {
    const [ground, figure] = [colour(), colour()];
    if (Math.abs(brightness(ground) - brightness(figure)) > 0.35) return [ground, figure];
  }
}

/** Two gratings of random direction, wavelength and phase. */
function texture(random: Random): Float32Array {
  const values = new Float32Array(PIXELS);
  for (let k = 0; k < 2; k++) {
    const angle = random.float() * Math.PI;
    const frequency = (2 * Math.PI) / (5 + 15 * random.float());
    const phase = random.float() * 2 * Math.PI;
    const strength = 0.02 + 0.04 * random.float();
    for (let p = 0; p < PIXELS; p++) {
      const along = (p % SIDE) * Math.cos(angle) + Math.floor(p / SIDE) * Math.sin(angle);
      values[p]! += strength * Math.sin(along * frequency + phase);
    }
  }
  return values;
}

/** How much of each pixel the shape covers, from 0 to 1: its signed distance, clipped to one pixel. */
function coverageOf(label: number, random: Random): Float32Array {
  const radius = 9 + 4 * random.float();
  const spare = SIDE / 2 - radius;
  const [centreX, centreY] = [SIDE / 2 + (random.float() * 2 - 1) * spare, SIDE / 2 + (random.float() * 2 - 1) * spare];
  const angle = MAX_TILT * (random.float() * 2 - 1);
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const { distance } = SHAPES[label]!;
  return Float32Array.from({ length: PIXELS }, (_, p) => {
    const [x, y] = [(p % SIDE) + 0.5 - centreX, Math.floor(p / SIDE) + 0.5 - centreY];
    const outside = distance((x * cosine + y * sine) / radius, (y * cosine - x * sine) / radius) * radius;
    return Math.min(1, Math.max(0, 0.5 - outside));
  });
}
