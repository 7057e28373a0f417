/**
 * Gradients against central differences, in float64:
 *
 *     <gradient of F by x, d>  =  (F(x + h d) - F(x - h d)) / 2h      for a random direction d
 *
 * One direction that is nowhere 0 sees a fault in any element. The second derivative is the same comparison for the sum over all inputs of
 * <gradient of F, w>.
 */
import { add, mul } from '../core/ops/pointwise/pointwise.ts';
import { sum } from '../core/ops/reduce/sum.ts';
import { gradient } from '../core/tape.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { evaluate, reference } from './evaluate.ts';
import { type Formula, type Point, tensorsOf } from './inputs.ts';
import { randomValues } from './values.ts';

/**
 * At the first step the error h^2 f'''/6 and the rounding error 1e-16 |f| / h are both below 1e-9 for values around 1. Where that step
 * crosses a kink, or f''' is large, a smaller one agrees; a wrong gradient agrees at none.
 */
const STEPS = [1e-5, 1e-6, 1e-7] as const;

/** A derivative along one direction of one input, both ways. */
export interface Slope {
  readonly input: number;
  readonly direction: Float64Array;
  /** By differences. */
  readonly expected: number;
  /** By the tape. */
  readonly found: number;
  /** Their difference as a share of the magnitudes that make them up; NaN where either is not finite. */
  readonly difference: number;
}

/** A scalar that sees every element of a tensor with a weight of its own. */
export function project(output: Tensor, seed: number): Tensor {
  return sum(mul(output, tensor(randomValues(output.shape, seed), output.shape)));
}

/** `F` of one order less, whose gradient is checked: the formula projected, or the slopes of that by `wanted` inputs projected. */
export function lossOf(formula: Formula, order: 1 | 2, wanted: readonly number[], seed: number): Formula {
  const loss: Formula = (...inputs) => project(formula(...inputs), seed);
  if (order === 1) return loss;
  return (...inputs) =>
    gradient(
      loss(...inputs),
      wanted.map((k) => inputs[k]!),
    )
      .map((slope, k) => project(slope, seed + 7 + k))
      .reduce(add);
}

/** For each wanted input the slope along a random direction, from the gradient `analytic` of each. */
export async function slopesAlong(
  loss: Formula,
  points: readonly Point[],
  lines: readonly { readonly input: number; readonly direction: Float64Array; readonly analytic: ArrayLike<number> }[],
  tolerance: number,
): Promise<Slope[]> {
  const slopes: Slope[] = [];
  let open = lines.map((line, place) => ({ ...line, place }));
  for (const step of STEPS) {
    const ends = open.flatMap(({ input, direction }) => [step, -step].map((by) => loss(...moved(points, input, direction, by))));
    const values = await evaluate(ends, reference);
    open = open.filter(({ place, input, direction, analytic }, k) => {
      const slope = compare(input, direction, analytic, values[2 * k]![0]!, values[2 * k + 1]![0]!, step);
      const best = slopes[place];
      if (best === undefined || !(slope.difference >= best.difference)) slopes[place] = slope;
      return !(slopes[place]!.difference < tolerance);
    });
    if (open.length === 0) break;
  }
  return slopes;
}

function moved(points: readonly Point[], input: number, direction: Float64Array, by: number): Tensor[] {
  return tensorsOf(
    points.map(({ shape, data }, k) => ({ shape, data: k === input ? data.map((x, i) => x + by * direction[i]!) : data })),
  );
}

function compare(
  input: number,
  direction: Float64Array,
  analytic: ArrayLike<number>,
  above: number,
  below: number,
  step: number,
): Slope {
  const expected = (above - below) / (2 * step);
  let [found, magnitude] = [0, 0];
  direction.forEach((along, i) => {
    found += along * analytic[i]!;
    magnitude += Math.abs(along * analytic[i]!);
  });
  // Rounding happens at the size of the terms and of F; the last term keeps 0 against 0 from being a matter of rounding.
  const scale = magnitude + Math.abs(expected) + 1e-3 * Math.max(Math.abs(above), Math.abs(below)) + 1e-3;
  return { input, direction, expected, found, difference: Math.abs(expected - found) / scale };
}
