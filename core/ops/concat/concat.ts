/**
 * concat: tensors one after another along an axis.
 *
 *     y[.., first_t + k, ..] = x_t[.., k, ..]        dx_t = the slice of dy that begins at first_t
 */
import { type Op, record } from '../../op.ts';
import { formatShape, normaliseAxis, type Shape, ShapeError, sameShape, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { reshape } from '../reshape/reshape.ts';
import { slice } from '../slice/slice.ts';
import { concatProgram } from './gpu.ts';
import { concatProgram as simdConcat } from './simd.ts';

export type ConcatOptions = { readonly axis: number };

const concatOp: Op<ConcatOptions> = {
  name: 'concat',
  inputs: ['x'],
  shape: (shapes, { axis }) => {
    checkShapes(shapes, axis);
    return shapes[0]!.map((length, at) => (at === axis ? totalLength(shapes, axis) : length));
  },
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
  simd: simdConcat,
  layout: 'any',
};

function totalLength(shapes: readonly Shape[], axis: number): number {
  return shapes.reduce((total, shape) => total + shape[axis]!, 0);
}

function checkShapes(shapes: readonly Shape[], axis: number): void {
  const first = shapes[0]!;
  const other = shapes.findIndex(
    (shape) => shape.length !== first.length || shape.some((length, at) => at !== axis && length !== first[at]),
  );
  if (other < 0) return;
  throw new ShapeError(
    'concat',
    `shapes ${formatShape(first)} and ${formatShape(shapes[other]!)} differ in another axis than ${axis}; only that one may differ (inputs 0 and ${other} of ${shapes.map(formatShape).join(', ')})`,
    shapes,
  );
}

/**
 * Joins tensors along an axis that they have, the first by default: [.., l0, ..], [.., l1, ..] give [.., l0 + l1, ..]. Throws a
 * ShapeError for no tensors, scalars, and lengths that differ along another axis.
 */
export function concat(tensors: readonly Tensor[], axis = 0): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new ShapeError('concat', 'no tensors given; give at least one');
  if (first.shape.length === 0)
    throw new ShapeError('concat', 'scalars (shape []) have no axis to join along; use stack', [first.shape]);
  const at = normaliseAxis('concat', axis, first.shape);
  return tensors.length === 1 ? first : record(concatOp, tensors, { axis: at });
}

/**
 * Joins tensors of one shape along a new axis, the axis-th of the result, the first by default: n times [a, b] give [n, a, b], or
 * [a, b, n] with axis -1. Throws a ShapeError for no tensors and for shapes that differ.
 */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new ShapeError('stack', 'no tensors given; give at least one');
  const shapes = tensors.map((x) => x.shape);
  if (!shapes.every((shape) => sameShape(shape, first.shape)))
    throw new ShapeError('stack', `shapes ${shapes.map(formatShape).join(', ')} given; they need to be equal`, shapes);
  const at = normaliseAxis('stack', axis, [...first.shape, 1]);
  return concat(
    tensors.map((x) => reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)])),
    at,
  );
}
