/**
 * permute: the same values with the axes in another order.
 *
 *     y[k_p(0), k_p(1), ...] = x[k_0, k_1, ...]        dx = dy permuted by the inverse of p
 */
import { printDecode, printKernel } from '../../devices/gpu/decode.ts';
import { type GpuProgram, kernel, single } from '../../devices/gpu/kernel.ts';
import { type Op, record } from '../../op.ts';
import { formatShape, normaliseAxis, type Shape, ShapeError, sizeOf, stridesOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';

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
  gradient: ({ dy, options: { axes } }) => [
    () =>
      permute(
        dy,
        axes.map((_, axis) => axes.indexOf(axis)),
      ),
  ],
  gpu: ({ shapes, outputShape, options }) => permuteProgram(shapes[0]!, outputShape, options.axes),
};

/** For each axis of the output, how far one step along it goes in x. */
function permutedStrides(shape: Shape, axes: readonly number[]): number[] {
  const strides = stridesOf(shape);
  return axes.map((axis) => strides[axis]!);
}

/** The output's index decoded axis by axis, each going its own stride in x. */
function permuteProgram(shape: Shape, outputShape: Shape, axes: readonly number[]): GpuProgram {
  const strides = permutedStrides(shape, axes);
  const at = strides.map((stride, axis) => `k${axis} * ${stride}`).join(' + ');
  return single(
    kernel('permute', printKernel(['x'], [...printDecode(outputShape), `return x[${at}];`])),
    {},
    1,
    sizeOf(outputShape),
  );
}

/** x with axis `axes[k]` as its k-th axis; every axis must be named once. */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  const list = axes.map((axis) => normaliseAxis('permute', axis, x.shape));
  if (list.length !== x.shape.length || new Set(list).size !== list.length) {
    throw new ShapeError(
      'permute',
      `axes [${axes.join(', ')}] given for shape ${formatShape(x.shape)}; name each of its ${x.shape.length} axes once`,
      [x.shape],
    );
  }
  return list.every((axis, k) => axis === k) ? x : record(permuteOp, [x], { axes: list });
}

/** x with its last two axes exchanged. */
export function transpose(x: Tensor): Tensor {
  const rank = x.shape.length;
  if (rank < 2) throw new ShapeError('transpose', `shape ${formatShape(x.shape)} has fewer than two axes`, [x.shape]);
  return permute(x, [...x.shape.slice(2).keys(), rank - 1, rank - 2]);
}
