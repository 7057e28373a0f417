/**
 * Dropout (Srivastava et al. 2014): y = x * mask, mask 0 with the given probability, else 1 / (1 - probability); dx = dy * mask.
 *
 * The mask is a hash of (key, index): counter-based, so it needs no state and every device gives the same one. The hash uses only
 * whole numbers below 2^24, which float32 holds exactly; P = 4093 and Q = 4091 are the largest primes below 2^12:
 *
 *     u, v = (index div Q) mod P, index mod Q
 *     in round r of 4:  u = (u v + 3 u + key[r mod 2] + c_r) mod P,  v = (1597 v + u + key[(r + 1) mod 2] + d_r) mod Q
 *     random = (u + v / Q) / P, uniform in [0, 1)
 *
 * The key takes part in every round: added to the index, it would only move one fixed table, and masks of different keys would
 * overlap. No u v + 3 u + key + c exceeds 16,754,654.
 */
import { type Op, record } from '../../op.ts';
import { formatShape, type Shape, ShapeError, sameShape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { mul } from '../pointwise/pointwise.ts';
import { maskProgram } from './gpu.ts';
import { maskProgram as simdMask } from './simd.ts';

export type MaskOptions = { readonly shape: Shape; readonly probability: number };

/** c and d of every round. */
export const ROUNDS = [
  [17, 29],
  [1013, 211],
  [331, 1009],
  [2003, 97],
] as const;
export const [P, Q] = [4093, 4091];
/** Key values are whole numbers below this. */
const KEYS = 4096;

const maskOp: Op<MaskOptions> = {
  name: 'dropoutMask',
  inputs: ['key'],
  shape: ([key], { shape }) => {
    if (!sameShape(key!, [2]))
      throw new ShapeError('dropout', `the key has shape ${formatShape(key!)}; it needs [2], two whole numbers from 0 to 4095`, [
        key!,
      ]);
    return shape;
  },
  reference: ({ inputs: [key], output, options: { probability } }) => {
    for (let at = 0; at < output.length; at++) {
      output[at] = isDropped(at, key!, probability) ? 0 : 1 / (1 - probability);
    }
  },
  gradient: () => [null],
  gpu: ({ outputShape, options }) => maskProgram(outputShape, options.probability),
  simd: ({ outputShape, options }) => simdMask(sizeOf(outputShape), options.probability),
};

/** Whether the hash of an index is below the probability; compared as whole numbers, so that no rounding can decide. */
function isDropped(index: number, key: Float64Array, probability: number): boolean {
  let u = Math.floor(index / Q) % P;
  let v = index % Q;
  ROUNDS.forEach(([c, d], r) => {
    u = (u * v + 3 * u + key[r % 2]! + c) % P;
    v = (v * 1597 + u + key[(r + 1) % 2]! + d) % Q;
  });
  const { whole, rest } = threshold(probability);
  return u < whole || (u === whole && v < rest);
}

/** (u + v / Q) / P < probability  <=>  u < whole, or u = whole and v < rest. */
export function threshold(probability: number): { whole: number; rest: number } {
  const whole = Math.floor(probability * P);
  return { whole, rest: Math.ceil((probability * P - whole) * Q) };
}

/**
 * A tensor of this shape with 0 where an element is dropped, else 1 / (1 - probability); a constant to gradients. The same key,
 * shape and probability give the same mask on every device. Throws a ShapeError for a probability outside [0, 1), for a key of
 * another shape than [2], and, where the key is a host value, unless it is two whole numbers from 0 to 4095.
 */
export function dropoutMask(key: Tensor, shape: Shape, probability: number): Tensor {
  if (!(probability >= 0 && probability < 1))
    throw new ShapeError(
      'dropout',
      `probability ${probability} given; it needs to be from 0 to below 1 (shape ${formatShape(shape)})`,
      [shape],
    );
  const mask = record(maskOp, [key], { shape: [...shape], probability });
  const wrong = key.source.kind === 'host' ? key.source.data.find((value) => !isKey(value)) : undefined;
  if (wrong === undefined) return mask;
  throw new ShapeError('dropout', `the key contains ${wrong}; it needs two whole numbers from 0 to 4095`, [key.shape]);
}

function isKey(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < KEYS;
}

/** Options of `dropout`. */
export interface DropoutOptions {
  /** The probability that an element becomes 0, from 0 to below 1. */
  readonly probability: number;
  /** Two whole numbers from 0 to 4095, shape [2], new ones for every step: a feed, so that all steps run one plan. */
  readonly key: Tensor;
}

/**
 * x with elements set to 0 at random and the others scaled up, so that its expectation stays: y = x * mask, of x's shape. Throws what
 * dropoutMask throws.
 */
export function dropout(x: Tensor, { probability, key }: DropoutOptions): Tensor {
  return mul(x, dropoutMask(key, x.shape, probability));
}
