/**
 * reshape: the same values, row-major, under another shape. It is an alias: no step of a plan runs and no memory moves.
 *
 *     y[k] = x[k]        dx[k] = dy[k]        k the flat index
 */
import { type Op, record } from '../../op.ts';
import { formatShape, type Shape, ShapeError, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';

const reshapeOp: Op<{ readonly shape: Shape }> = {
  name: 'reshape',
  inputs: ['x'],
  alias: true,
  shape: (_, { shape }) => shape,
  reference: ({ inputs, output }) => output.set(inputs[0]!),
  gradient: ({ inputs, dy }) => [() => reshape(dy, inputs[0]!.shape)],
  gpu: neverRuns,
};

const detachOp: Op<Readonly<Record<string, never>>> = {
  name: 'detach',
  inputs: ['x'],
  alias: true,
  shape: ([x]) => x!,
  reference: ({ inputs, output }) => output.set(inputs[0]!),
  gradient: () => [null],
  gpu: neverRuns,
};

function neverRuns(): never {
  throw new Error('internal: an alias became a step of a plan');
}

/**
 * x under another shape of the same size, row-major; one length may be -1 and is worked out. No memory moves. Throws a ShapeError
 * for another size.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = shape.reduce((size, length) => (length === -1 ? size : size * length), 1);
  const target = shape.map((length) => (length === -1 ? x.size / known : length));
  if (shape.filter((length) => length === -1).length > 1 || sizeOf(target) !== x.size || !target.every(Number.isInteger)) {
    throw new ShapeError(
      'reshape',
      `${formatShape(x.shape)} with ${x.size} values does not fit shape ${formatShape(shape)}; the sizes must be equal, and one length may be -1`,
      [x.shape, shape],
    );
  }
  return record(reshapeOp, [x], { shape: target });
}

/** x with all axes from `start`, 1 by default, on merged into one: [n, c, h, w] gives [n, c * h * w]. No memory moves. */
export function flatten(x: Tensor, start = 1): Tensor {
  return reshape(x, [...x.shape.slice(0, start), -1]);
}

/** The same value as a constant: gradients stop here. No memory moves. */
export function detach(x: Tensor): Tensor {
  return record(detachOp, [x], {});
}
