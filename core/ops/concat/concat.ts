/**
 * concat: tensors one after another along an axis.
 *
 *     y[.., first_t + k, ..] = x_t[.., k, ..]        dx_t = the slice of dy that begins at first_t
 */
import { type Op, record } from '../../op.ts';
import { formatShape, normaliseAxis, type Shape, ShapeError, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { reshape } from '../reshape/reshape.ts';
import { slice } from '../slice/slice.ts';
import { concatProgram } from './gpu.ts';

export type ConcatOptions = { readonly axis: number };

const concatOp: Op<ConcatOptions> = {
  name: 'concat',
  inputs: ['x'],
  shape: (shapes, { axis }) => shapes[0]!.map((length, at) => (at === axis ? totalLength(shapes, axis) : length)),
  reference: ({ inputs, output, shapes, outputShape, options: { axis } }) => {
    const outer = sizeOf(outputShape.slice(0, axis));
    let at = 0;
    for (let row = 0; row < outer; row++) {
      inputs.forEach((x, t) => {
        const length = sizeOf(shapes[t]!.slice(axis));
        output.set(x.subarray(row * length, (row + 1) * length), at);
        at += length;
      });
    }
  },
  gradient: ({ inputs, dy, options: { axis } }) => {
    let end = 0;
    return inputs.map(({ shape }) => {
      end += shape[axis]!;
      const range = { start: end - shape[axis]!, stop: end };
      return () => slice(dy, [...shape.slice(0, axis).map(() => undefined), range]);
    });
  },
  gpu: ({ shapes, options }) => concatProgram(shapes, options.axis),
};

function totalLength(shapes: readonly Shape[], axis: number): number {
  return shapes.reduce((total, shape) => total + shape[axis]!, 0);
}

/** Joins tensors along an axis; all other lengths must be equal. */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new ShapeError('concat', 'no tensors given; give at least one');
  const at = normaliseAxis('concat', axis, first.shape);
  for (const { shape } of tensors) {
    if (shape.length === first.shape.length && shape.every((length, k) => k === at || length === first.shape[k])) continue;
    throw new ShapeError(
      'concat',
      `shapes ${formatShape(first.shape)} and ${formatShape(shape)} differ in another axis than ${at}`,
      [first.shape, shape],
    );
  }
  return tensors.length === 1 ? first : record(concatOp, tensors, { axis: at });
}

/** Joins tensors of one shape along a new axis. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new ShapeError('stack', 'no tensors given; give at least one');
  const at = normaliseAxis('stack', axis, [...first.shape, 1]);
  return concat(
    tensors.map((x) => reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)])),
    at,
  );
}
