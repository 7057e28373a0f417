/**
 * max, with the gradient shared evenly among equal maxima, and mean and variance as formulas on sum.
 *
 *     y[k] = max_r x[k, r]        dx[k, r] = dy[k] / (number of maxima in row k) where x[k, r] = y[k], else 0
 */
import type { Op } from '../../op.ts';
import { normaliseAxes } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { div, scale, square, sub } from '../pointwise/arithmetic.ts';
import { equal } from '../pointwise/piecewise.ts';
import { mul } from '../pointwise/pointwise.ts';
import { reductionProgram } from './gpu.ts';
import { reductionProgram as simdReduction } from './simd.ts';
import { type Axes, fold, keptShape, type ReduceOptions, reduce, sum } from './sum.ts';

const maxOp: Op<ReduceOptions> = {
  name: 'max',
  inputs: ['x'],
  shape: ([x], { axes }) => keptShape(x!, axes),
  reference: (call) =>
    fold(call, Number.NEGATIVE_INFINITY, (most, value) => (value > most || Number.isNaN(value) ? value : most)),
  gradient: ({ inputs, output, dy, options }) => [
    () => {
      const isMax = equal(inputs[0]!, output);
      return mul(isMax, div(dy, sum(isMax, options.axes, true)));
    },
  ],
  gpu: ({ shapes, options }) => reductionProgram('max', shapes[0]!, options.axes),
  simd: (call) => simdReduction('max', call),
  layout: 'any',
};

/**
 * The largest value over the axes (all of them without any), NaN where one is among them; `keepDims` keeps them with length 1. At
 * ties the gradient is shared evenly, as PyTorch's amax does. Throws as sum does.
 */
export function max(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return reduce(maxOp, x, axes, keepDims);
}

/** Arithmetic mean over the axes (all of them without any); `keepDims` keeps them with length 1. Throws as sum does. */
export function mean(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return scale(sum(x, axes, keepDims), 1 / countOf(x, axes));
}

/**
 * The sum of squared distances from the mean over the axes (all of them without any), divided by n - correction, n the number of
 * elements summed: correction 0, the default, is for a whole population, 1, PyTorch's default, unbiased for a sample. `keepDims`
 * keeps the axes with length 1. Throws as sum does.
 */
export function variance(
  x: Tensor,
  axes?: Axes,
  options: { readonly keepDims?: boolean; readonly correction?: number } = {},
): Tensor {
  const centred = sub(x, mean(x, axes, true));
  return scale(sum(square(centred), axes, options.keepDims ?? false), 1 / (countOf(x, axes) - (options.correction ?? 0)));
}

function countOf(x: Tensor, axes: Axes | undefined): number {
  return normaliseAxes('mean', axes, x.shape).reduce((count, axis) => count * x.shape[axis]!, 1);
}
