/**
 * slice and its adjoint. For each axis a with first index s and step d (which may be negative):
 *
 *     slice  y[.., k, ..] = x[.., s + k d, ..]        dx = place(dy)
 *     place  y[.., j, ..] = x[.., (j - s) / d, ..] where that is an index of x, else 0        dx = slice(dy)
 *
 * The two are each other's gradient, so they are closed under differentiation. The folder owns pad as well, a place with step 1.
 */
import { type Op, record } from '../../op.ts';
import { formatShape, type Shape, ShapeError, sameShape, stridesOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { reshape } from '../reshape/reshape.ts';
import { placeProgram, sliceProgram } from './gpu.ts';
import { type Range, resolveRange } from './ranges.ts';
import { placeProgram as simdPlace, sliceProgram as simdSlice } from './simd.ts';

/** One entry an axis: the first index, the step, and how many. */
export type SliceOptions = {
  readonly start: readonly number[];
  readonly step: readonly number[];
  readonly count: readonly number[];
};
/** Options of `place`, an entry an axis: first index, step, and the shape of the result. */
export type PlaceOptions = {
  /** Where the first element goes. */
  readonly start: readonly number[];
  /** From one element to the next; negative steps run backwards. */
  readonly step: readonly number[];
  /** The shape of the result. */
  readonly shape: Shape;
};

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
  simd: simdSlice,
  layout: 'any',
};

const placeOp: Op<PlaceOptions> = {
  name: 'place',
  inputs: ['x'],
  shape: ([x], options) => {
    checkPlace(x!, options);
    return options.shape;
  },
  reference: ({ inputs: [x], output, shapes, outputShape, options }) => {
    output.fill(0);
    forEachPair(outputShape, shapes[0]!, options, (large, small) => {
      output[large] = x![small]!;
    });
  },
  gradient: ({ inputs: [x], dy, options: { start, step } }) => [() => take(dy, start, step, x!.shape)],
  gpu: ({ shapes, options }) => placeProgram(shapes[0]!, options),
  simd: simdPlace,
  layout: 'any',
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

/**
 * NumPy's x[start:stop:step, index, ...]: an entry an axis, missing ones at the end take all; an index drops its axis, and negative
 * steps run backwards. x itself where nothing is cut. Throws a ShapeError for an index outside, a step of 0 and an empty result.
 */
export function slice(x: Tensor, ranges: readonly Range[]): Tensor {
  if (ranges.length > x.shape.length)
    throw new ShapeError('slice', `${ranges.length} ranges given for shape ${formatShape(x.shape)}; give at most one an axis`, [
      x.shape,
    ]);
  const axes = x.shape.map((_, axis) => resolveRange(ranges[axis], axis, x.shape));
  const kept = axes.flatMap(({ count }, axis) => (typeof ranges[axis] === 'number' ? [] : [count]));
  const sliced = take(
    x,
    axes.map((axis) => axis.start),
    axes.map((axis) => axis.step),
    axes.map((axis) => axis.count),
  );
  return kept.length === axes.length ? sliced : reshape(sliced, kept);
}

function take(x: Tensor, start: readonly number[], step: readonly number[], count: Shape): Tensor {
  const options = { start, step, shape: x.shape };
  return isWhole(count, options) ? x : record(sliceOp, [x], { start, step, count });
}

/**
 * Zeros of a shape with x at start + k * step along every axis, steps may be negative: what slice's gradient is. x itself where it
 * fills the shape. Throws a ShapeError where x does not fit.
 */
export function place(x: Tensor, options: PlaceOptions): Tensor {
  const [start, step, shape] = [[...options.start], [...options.step], [...options.shape]];
  return isWhole(x.shape, options) ? x : record(placeOp, [x], { start, step, shape });
}

/** Whether the small array is all of the large one, in order. */
function isWhole(small: Shape, { start, step, shape }: PlaceOptions): boolean {
  return sameShape(small, shape) && shape.every((length, axis) => start[axis] === 0 && (step[axis] === 1 || length === 1));
}

function checkPlace(x: Shape, { start, step, shape }: PlaceOptions): void {
  const fits =
    [shape, start, step].every((list) => list.length === x.length) &&
    step.every((size) => Number.isInteger(size) && size !== 0) &&
    x.every((length, axis) => [0, length - 1].every((k) => isIndex(start[axis]! + k * step[axis]!, shape[axis]!)));
  if (fits) return;
  throw new ShapeError(
    'place',
    `x of shape ${formatShape(x)} at ${formatShape(start)} with steps ${formatShape(step)} does not fit into ${formatShape(shape)}`,
    [x, shape],
  );
}

function isIndex(index: number, length: number): boolean {
  return Number.isInteger(index) && index >= 0 && index < length;
}
