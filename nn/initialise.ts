/**
 * How parameters begin: He et al. 2015 (arXiv:1502.01852, eq. 10 and 14), with a seed.
 *
 *     normal:  w ~ N(0, 2 / fan)        uniform:  w ~ U(-sqrt(6 / fan), sqrt(6 / fan))
 *
 * fan in = c / groups * i * j keeps the variance of activations, fan out = o * i * j that of gradients. Every parameter draws from a
 * generator of its own, made of the seed and of how many came before it, so the same seed builds the same network bit by bit.
 */

import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import type { RandomGenerator } from 'pure-rand/types/RandomGenerator';
import type { Shape } from '../core/index.ts';
import { sizeOf } from '../core/shape.ts';

/** Fills a weight: [o, c / groups, i, j] of a convolution or [o, i] of a linear layer. */
export type Initialiser = (shape: Shape, random: RandomGenerator) => Float32Array;

/** Options of `heNormal` and `heUniform`. */
export interface Fan {
  /** The side of the weight that is counted: `in`, the default, c / groups * i * j, or `out`, o * i * j. */
  readonly fan?: 'in' | 'out';
}

/** Draws from N(0, 2 / fan), arXiv:1502.01852, eq. 10 and 14; the paper's choice for every ResNet. */
export function heNormal({ fan = 'in' }: Fan = {}): Initialiser {
  return (shape, random) => {
    const deviation = Math.sqrt(2 / fanOf(shape, fan));
    return fillNormal(new Float32Array(sizeOf(shape)), deviation, random);
  };
}

/** Draws from U(-b, b) with b = sqrt(6 / fan), which has the variance of `heNormal`. */
export function heUniform({ fan = 'in' }: Fan = {}): Initialiser {
  return (shape, random) => {
    const bound = Math.sqrt(6 / fanOf(shape, fan));
    return new Float32Array(sizeOf(shape)).map(() => bound * (2 * uniform(random) - 1));
  };
}

/** All weights zero: for a network that is only measured, or gets its weights from a file. Drawing 60 million takes seconds. */
export const zeroWeights: Initialiser = (shape) => new Float32Array(sizeOf(shape));

/** How the weights of a network begin. */
export interface Initialisation {
  /** A whole number; the same one gives the same weights, bit by bit. */
  readonly seed: number;
  /** How they are drawn; `heNormal()` by default. */
  readonly weights?: Initialiser;
}

let current = { seed: 0, weights: heNormal(), drawn: 0 };

/**
 * Builds a network whose weights come from `seed`: `initialise({ seed: 1 }, () => new MyNet())`. Throws a RangeError for a seed
 * that is not a whole number.
 */
export function initialise<T>({ seed, weights = heNormal() }: Initialisation, build: () => T): T {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`initialise: seed ${seed} given; it needs to be a whole number`);
  const outer = current;
  current = { seed, weights, drawn: 0 };
  try {
    return build();
  } finally {
    current = outer;
  }
}

/** The first value of a weight. Layers call it in their constructors. */
export function initialWeight(shape: Shape): Float32Array {
  return current.weights(shape, nextGenerator());
}

/** A generator for the next parameter (or dropout) of the network being built. */
export function nextGenerator(): RandomGenerator {
  const index = current.drawn++;
  return xoroshiro128plusFromState([0, 1, 2, 3].map((word) => scramble([current.seed, current.seed / 2 ** 32, index, word])));
}

/** Numbers to 32 well-mixed bits: MurmurHash3's finaliser after each. Seeds that differ by one share nothing. */
function scramble(words: readonly number[]): number {
  return words.reduce((hash, word) => {
    let bits = Math.imul(hash ^ word, 0x9e3779b1) ^ 0x5bd1e995;
    bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
    return bits ^ (bits >>> 16);
  }, 0);
}

function fanOf(shape: Shape, fan: 'in' | 'out'): number {
  const kernel = sizeOf(shape.slice(2));
  return (fan === 'in' ? shape[1]! : shape[0]!) * kernel;
}

/** In (0, 1), never an end. */
function uniform(random: RandomGenerator): number {
  return ((random.next() >>> 0) + 0.5) / 2 ** 32;
}

/** Box and Muller: two uniform numbers give two normal ones. */
function fillNormal(values: Float32Array, deviation: number, random: RandomGenerator): Float32Array {
  for (let k = 0; k < values.length; k += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(uniform(random)));
    const angle = 2 * Math.PI * uniform(random);
    values[k] = radius * Math.cos(angle);
    if (k + 1 < values.length) values[k + 1] = radius * Math.sin(angle);
  }
  return values;
}
