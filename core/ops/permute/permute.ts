/**
 * permute: the same values with the axes in another order.
 *
 *     y[k_p(0), k_p(1), ...] = x[k_0, k_1, ...]        dx = dy permuted by the inverse of p
 */
import { type Op, record } from '../../op.ts';
import { formatShape, normaliseAxis, type Shape, ShapeError, stridesOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { reshape } from '../reshape/reshape.ts';
import { stridedProgram } from '../slice/strided.ts';
import { permuteProgram } from './simd.ts';

const permuteOp: Op<{ readonly axes: readonly number[] }> = {
  name: 'permute',
  inputs: ['x'],
  shape: ([x], { axes }) => axes.map((axis) => x![axis]!),
  reference: ({ inputs: [x], output, shapes, outputShape, options: { axes } }) => {
    const strides = permutedStrides(shapes[0]!, axes);
    let at = 0;
    const walk = (axis: number, from: number): void => {
      if (axis === axes.length) {
        output[at++] = x![from]!;
        return;
      }
      for (let k = 0; k < outputShape[axis]!; k++) walk(axis + 1, from + k * strides[axis]!);
    };
    walk(0, 0);
  },
  gradient: ({ dy, options: { axes } }) => [() => permute(dy, inverse(axes))],
  gpu: ({ shapes: [x], outputShape, options: { axes } }) => {
    const strides = permutedStrides(x!, axes);
    return stridedProgram(
      'permute',
      outputShape.map((length, axis) => ({ length, stride: strides[axis]! })),
    );
  },
  simd: permuteProgram,
  layout: 'any',
};

/** For each axis of the output, how far one step along it goes in x. */
function permutedStrides(shape: Shape, axes: readonly number[]): number[] {
  const strides = stridesOf(shape);
  return axes.map((axis) => strides[axis]!);
}

/** The inverse puts axis k back where `axes` names it. */
function inverse(axes: readonly number[]): number[] {
  return axes.map((_, axis) => axes.indexOf(axis));
}

/**
 * x with axis `axes[k]` as its k-th axis: [n, c, h, w] by [0, 2, 3, 1] is [n, h, w, c]. Negative axes count from the back. Moves no
 * memory where only axes of length 1 change places. Throws a ShapeError unless every axis is named once.
 */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  const list = axes.map((axis) => normaliseAxis('permute', axis, x.shape));
  if (list.length !== x.shape.length || new Set(list).size !== list.length) {
    throw new ShapeError(
      'permute',
      `axes [${axes.join(', ')}] given for shape ${formatShape(x.shape)}; name each of its ${x.shape.length} axes once`,
      [x.shape],
    );
  }
  const long = list.filter((axis) => x.shape[axis] !== 1);
  if (list.every((axis, k) => axis === k)) return x;
  if (long.every((axis, k) => k === 0 || axis > long[k - 1]!))
    return reshape(
      x,
      list.map((axis) => x.shape[axis]!),
    );
  return record(permuteOp, [x], { axes: list });
}

/** x with its last two axes exchanged: [.., m, n] gives [.., n, m]. Throws a ShapeError for fewer than two axes. */
export function transpose(x: Tensor): Tensor {
  const rank = x.shape.length;
  if (rank < 2)
    throw new ShapeError('transpose', `shape ${formatShape(x.shape)} has fewer than two axes; it needs two to exchange`, [
      x.shape,
    ]);
  return permute(x, [...x.shape.slice(2).keys(), rank - 1, rank - 2]);
}
