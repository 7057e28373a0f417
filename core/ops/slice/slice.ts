/**
 * slice and its adjoint. For each axis a with first index s and step d (which may be negative):
 *
 *     slice  y[.., k, ..] = x[.., s + k d, ..]        dx = place(dy)
 *     place  y[.., j, ..] = x[.., (j - s) / d, ..] where that is an index of x, else 0        dx = slice(dy)
 *
 * Padding with zeros is a place with step 1. The two are each other's gradient, so they are closed under differentiation.
 */
import { type Op, record } from '../../op.ts';
import { formatShape, type Shape, ShapeError, stridesOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { where } from '../pointwise/piecewise.ts';
import { fill, ones } from '../pointwise/pointwise.ts';
import { reshape } from '../reshape/reshape.ts';
import { placeProgram, sliceProgram } from './gpu.ts';

/** One entry an axis: the first index, the step, and how many. */
export type SliceOptions = {
  readonly start: readonly number[];
  readonly step: readonly number[];
  readonly count: readonly number[];
};
export type PlaceOptions = { readonly start: readonly number[]; readonly step: readonly number[]; readonly shape: Shape };

const sliceOp: Op<SliceOptions> = {
  name: 'slice',
  inputs: ['x'],
  shape: (_, { count }) => count,
  reference: ({ inputs: [x], output, shapes, outputShape, options }) => {
    forEachPair(shapes[0]!, outputShape, options, (large, small) => {
      output[small] = x![large]!;
    });
  },
  gradient: ({ inputs: [x], dy, options: { start, step } }) => [() => place(dy, { start, step, shape: x!.shape })],
  gpu: ({ shapes, options }) => sliceProgram(shapes[0]!, options),
};

const placeOp: Op<PlaceOptions> = {
  name: 'place',
  inputs: ['x'],
  shape: (_, { shape }) => shape,
  reference: ({ inputs: [x], output, shapes, outputShape, options }) => {
    output.fill(0);
    forEachPair(outputShape, shapes[0]!, options, (large, small) => {
      output[large] = x![small]!;
    });
  },
  gradient: ({ inputs: [x], dy, options: { start, step } }) => [() => record(sliceOp, [dy], { start, step, count: x!.shape })],
  gpu: ({ shapes, options }) => placeProgram(shapes[0]!, options),
};

/** The flat indices that belong together: in the large array, and in the small one that is its slice. */
function forEachPair(
  large: Shape,
  small: Shape,
  { start, step }: Pick<SliceOptions, 'start' | 'step'>,
  visit: (large: number, small: number) => void,
): void {
  const strides = stridesOf(large);
  let at = 0;
  const walk = (axis: number, offset: number): void => {
    if (axis === small.length) {
      visit(offset, at++);
      return;
    }
    for (let k = 0; k < small[axis]!; k++) walk(axis + 1, offset + (start[axis]! + k * step[axis]!) * strides[axis]!);
  };
  walk(0, 0);
}

/** An index drops its axis; a range keeps it; nothing takes all of it. Negative numbers count from the end, as in NumPy. */
export type Range = number | { readonly start?: number; readonly stop?: number; readonly step?: number } | undefined | null;

/**
 * NumPy's x[start:stop:step, index, ...]: an entry an axis, missing ones at the end take all. Negative steps run backwards.
 * Throws a ShapeError for an index outside, a step of 0 and an empty result.
 */
export function slice(x: Tensor, ranges: readonly Range[]): Tensor {
  if (ranges.length > x.shape.length)
    throw new ShapeError('slice', `${ranges.length} ranges given for shape ${formatShape(x.shape)}; give at most one an axis`, [
      x.shape,
    ]);
  const axes = x.shape.map((length, axis) => resolveRange(ranges[axis], length, axis, x.shape));
  const sliced = record(sliceOp, [x], {
    start: axes.map((axis) => axis.start),
    step: axes.map((axis) => axis.step),
    count: axes.map((axis) => axis.count),
  });
  return reshape(
    sliced,
    sliced.shape.filter((_, axis) => typeof ranges[axis] !== 'number'),
  );
}

function resolveRange(range: Range, length: number, axis: number, shape: Shape): { start: number; step: number; count: number } {
  if (typeof range === 'number') {
    if (!Number.isInteger(range) || range < -length || range >= length) {
      throw new ShapeError(
        'slice',
        `index ${range} is outside axis ${axis} of shape ${formatShape(shape)}; use an integer from ${-length} to ${length - 1}`,
        [shape],
      );
    }
    return { start: range < 0 ? range + length : range, step: 1, count: 1 };
  }
  const { start, stop, step = 1 } = range ?? {};
  if (!Number.isInteger(step) || step === 0)
    throw new ShapeError('slice', `step ${step} given for axis ${axis}; it needs to be a whole number other than 0`, [shape]);
  const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
  const bound = (index: number | undefined, otherwise: number): number =>
    index === undefined ? otherwise : Math.min(Math.max(index < 0 ? index + length : index, low), high);
  const [first, end] = [bound(start, step > 0 ? 0 : length - 1), bound(stop, step > 0 ? length : -1)];
  const count = Math.ceil((end - first) / step);
  if (!(count > 0))
    throw new ShapeError(
      'slice',
      `the range of axis ${axis} (start ${start}, stop ${stop}, step ${step}) is empty in shape ${formatShape(shape)}; empty tensors are not supported`,
      [shape],
    );
  return { start: first, step, count };
}

/** Zeros of a shape with x at start + k * step along every axis. Throws a ShapeError where x does not fit. */
export function place(x: Tensor, options: PlaceOptions): Tensor {
  const { start, step, shape } = options;
  const fits =
    shape.length === x.shape.length &&
    x.shape.every((length, axis) => [0, length - 1].every((k) => isIndex(start[axis]! + k * step[axis]!, shape[axis]!)));
  if (!fits)
    throw new ShapeError(
      'place',
      `x of shape ${formatShape(x.shape)} at ${formatShape(start)} with steps ${formatShape(step)} does not fit into ${formatShape(shape)}`,
      [x.shape, shape],
    );
  return record(placeOp, [x], options);
}

function isIndex(index: number, length: number): boolean {
  return Number.isInteger(index) && index >= 0 && index < length;
}

/** x with `padding[axis]` = [before, after] more elements of `value` along each axis. */
export function pad(x: Tensor, padding: readonly (readonly [number, number])[], value = 0): Tensor {
  if (padding.length !== x.shape.length || padding.flat().some((size) => !Number.isInteger(size) || size < 0)) {
    throw new ShapeError(
      'pad',
      `padding ${JSON.stringify(padding)} given for shape ${formatShape(x.shape)}; give [before, after] of whole numbers from 0 on for every axis`,
      [x.shape],
    );
  }
  const shape = x.shape.map((length, axis) => length + padding[axis]![0] + padding[axis]![1]);
  const options = { start: padding.map(([before]) => before), step: padding.map(() => 1), shape };
  const padded = place(x, options);
  return value === 0 ? padded : where(place(ones(x.shape), options), padded, fill([], value));
}
