/**
 * Dropout (Srivastava et al. 2014): y = x * mask, mask 0 with the given probability, else 1 / (1 - probability); dx = dy * mask.
 *
 * The mask is a hash of (key, index): counter-based, so it needs no state and every device gives the same one. The hash uses only
 * whole numbers below 2^24, which float32 holds exactly:
 *
 *     u, v = the upper and lower 12 bits of the index, each moved by a half of the key
 *     4 times:  u = (u * v + 3 u + c) mod P,  v = (v * 1597 + u + d) mod Q        P = 4093, Q = 4091, both prime
 *     random = (u + v / Q) / P, uniform in [0, 1)
 */
import { type Op, record } from '../../op.ts';
import { formatShape, type Shape, ShapeError, sameShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { mul } from '../pointwise/pointwise.ts';
import { maskProgram } from './gpu.ts';

export type MaskOptions = { readonly shape: Shape; readonly probability: number };

/** Constants of the rounds, in their order; gpu.ts has them too. */
export const ROUNDS = [
  [17, 29],
  [1013, 211],
  [331, 1009],
  [2003, 97],
] as const;
export const [P, Q] = [4093, 4091];

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
      output[at] = isDropped(at, key![0]!, key![1]!, probability) ? 0 : 1 / (1 - probability);
    }
  },
  gradient: () => [null],
  gpu: ({ outputShape, options }) => maskProgram(outputShape, options.probability),
};

/** Whether the hash of an index is below the probability; compared as whole numbers, so that no rounding can decide. */
function isDropped(index: number, key0: number, key1: number, probability: number): boolean {
  let u = (Math.floor(index / 4096) + key0) % P;
  let v = ((index % 4096) + key1) % Q;
  for (const [c, d] of ROUNDS) {
    u = (u * v + 3 * u + c) % P;
    v = (v * 1597 + u + d) % Q;
  }
  const { whole, rest } = threshold(probability);
  return u < whole || (u === whole && v < rest);
}

/** (u + v / Q) / P < probability  <=>  u < whole, or u = whole and v < rest. */
export function threshold(probability: number): { whole: number; rest: number } {
  const whole = Math.floor(probability * P);
  return { whole, rest: Math.ceil((probability * P - whole) * Q) };
}

export interface DropoutOptions {
  /** That an element becomes 0, from 0 to below 1. */
  readonly probability: number;
  /** Two whole numbers from 0 to 4095, new ones for every step: a feed, so that all steps run one plan. */
  readonly key: Tensor;
}

/** x with elements set to 0 at random and the others scaled up, so that its expectation stays. */
export function dropout(x: Tensor, { probability, key }: DropoutOptions): Tensor {
  if (!(probability >= 0 && probability < 1))
    throw new ShapeError('dropout', `probability ${probability} given; it needs to be from 0 to below 1`);
  return mul(x, record(maskOp, [key], { shape: x.shape, probability }));
}
