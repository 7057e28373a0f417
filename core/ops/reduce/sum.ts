/**
 * Reductions over axes. The folder owns sum, max and what is built on them.
 *
 *     y[k] = sum_r x[k, r]        dx[k, r] = dy[k]
 */
import { type Op, type ReferenceCall, record } from '../../op.ts';
import { normaliseAxes, type Shape, sameShape, stridesOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { expand } from '../pointwise/pointwise.ts';
import { reshape } from '../reshape/reshape.ts';
import { reductionProgram } from './gpu.ts';
import { reductionProgram as simdReduction } from './simd.ts';

/** Axes counted from the front, ascending. The ops keep them with length 1; dropping them is a reshape. */
export type ReduceOptions = { readonly axes: readonly number[] };
/** One axis or several, each once; negative ones count from the back. */
export type Axes = number | readonly number[];

const sumOp: Op<ReduceOptions> = {
  name: 'sum',
  inputs: ['x'],
  shape: ([x], { axes }) => keptShape(x!, axes),
  reference: (call) => fold(call, 0, (total, value) => total + value),
  gradient: ({ inputs, dy }) => [() => expand(dy, inputs[0]!.shape)],
  gpu: ({ shapes, options }) => reductionProgram('sum', shapes[0]!, options.axes),
  simd: (call) => simdReduction('sum', call),
  layout: 'any',
};

/**
 * Sum over the axes (all of them without any); `keepDims` keeps them with length 1. Throws a ShapeError for an axis that x lacks
 * or that is named twice.
 */
export function sum(x: Tensor, axes?: Axes, keepDims = false): Tensor {
  return reduce(sumOp, x, axes, keepDims);
}

/** x summed over every axis along which `shape` was broadcast to x's shape: the gradient of broadcasting. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const offset = x.shape.length - shape.length;
  const axes = x.shape.flatMap((length, axis) => (axis < offset || (shape[axis - offset] === 1 && length !== 1) ? [axis] : []));
  return reshape(sum(x, axes, true), shape);
}

export function keptShape(shape: Shape, axes: readonly number[]): Shape {
  return shape.map((length, axis) => (axes.includes(axis) ? 1 : length));
}

/** Records a reduction: axes may be negative, and are dropped by a reshape unless kept. */
export function reduce(op: Op<ReduceOptions>, x: Tensor, axes: Axes | undefined, keepDims: boolean): Tensor {
  const list = normaliseAxes(op.name, axes, x.shape);
  const kept = list.length === 0 ? x : record(op, [x], { axes: list });
  return keepDims
    ? kept
    : reshape(
        kept,
        x.shape.filter((_, axis) => !list.includes(axis)),
      );
}

/** The loops of every reduction: each element of x is combined into the one output element that it belongs to. */
export function fold(
  { inputs, output, shapes, outputShape }: ReferenceCall<ReduceOptions>,
  start: number,
  combine: (result: number, value: number) => number,
): void {
  const [x] = inputs;
  const shape = shapes[0]!;
  const strides = stridesOf(outputShape).map((stride, axis) => (outputShape[axis] === shape[axis] ? stride : 0));
  const index = new Int32Array(shape.length);
  output.fill(start);
  let to = 0;
  for (let from = 0; from < x!.length; from++) {
    output[to] = combine(output[to]!, x![from]!);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      to += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      to -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
}
