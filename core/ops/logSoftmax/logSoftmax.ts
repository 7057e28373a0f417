/**
 * The logarithm of softmax along one axis. x is seen as [outer, axis, inner]:
 *
 *     y[o,a,i]  = x[o,a,i] - m[o,i] - log(sum_b exp(x[o,b,i] - m[o,i]))        m[o,i] = max_b x[o,b,i], so nothing overflows
 *     dx[o,a,i] = dy[o,a,i] - exp(y[o,a,i]) sum_b dy[o,b,i]
 */
import { type Op, record } from '../../op.ts';
import { normaliseAxis, type Shape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { exp, sub } from '../pointwise/arithmetic.ts';
import { mul } from '../pointwise/pointwise.ts';
import { sum } from '../reduce/sum.ts';
import { type AxisView, logSoftmaxProgram } from './gpu.ts';
import { logSoftmaxProgram as simdLogSoftmax } from './simd.ts';

/** The axis counted from the front. */
type AxisOptions = { readonly axis: number };

const logSoftmaxOp: Op<AxisOptions> = {
  name: 'logSoftmax',
  inputs: ['x'],
  shape: ([x], { axis }) => {
    normaliseAxis('logSoftmax', axis, x!);
    return x!;
  },
  reference: ({ inputs: [x], output, shapes, options }) => {
    const { outer, length, inner } = viewOf(shapes[0]!, options);
    for (let o = 0; o < outer; o++) {
      for (let i = 0; i < inner; i++) normaliseRow(x!, output, o * length * inner + i, length, inner);
    }
  },
  gradient: ({ output, dy, options }) => [() => sub(dy, mul(exp(output), sum(dy, options.axis, true)))],
  gpu: ({ shapes, options }) => logSoftmaxProgram(viewOf(shapes[0]!, options)),
  simd: ({ shapes, options }) => simdLogSoftmax(viewOf(shapes[0]!, options)),
};

function viewOf(shape: Shape, { axis }: AxisOptions): AxisView {
  return { outer: sizeOf(shape.slice(0, axis)), length: shape[axis]!, inner: sizeOf(shape.slice(axis + 1)) };
}

function normaliseRow(x: Float64Array, y: Float64Array, first: number, length: number, step: number): void {
  const end = first + length * step;
  let most = x[first]!;
  for (let at = first; at < end; at += step) if (x[at]! > most) most = x[at]!;
  let total = 0;
  for (let at = first; at < end; at += step) total += Math.exp(x[at]! - most);
  for (let at = first; at < end; at += step) y[at] = x[at]! - most - Math.log(total);
}

/**
 * log(exp(x) / sum of exp(x) along the axis), in x's shape; the last axis by default. Nothing overflows. Throws a ShapeError
 * where x lacks the axis.
 */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  return record(logSoftmaxOp, [x], { axis: normaliseAxis('logSoftmax', axis, x.shape) });
}

/**
 * exp(x) / sum of exp(x) along the axis, in x's shape: positive, and with sum 1; the last axis by default. Throws a ShapeError
 * where x lacks the axis.
 */
export function softmax(x: Tensor, axis = -1): Tensor {
  return exp(logSoftmax(x, axis));
}
