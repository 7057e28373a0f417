/**
 * Shapes and the checks on them. A shape is a list of sizes, outermost axis first, as NumPy and PyTorch print it; arrays are
 * row-major. This file owns the messages about shapes that do not fit; it knows nothing of tensors.
 */

/** The lengths of a tensor's axes, outermost first; [] is a scalar. */
export type Shape = readonly number[];

/** A shape or option that an op cannot take. Thrown when recording, so the stack leads to the user's line. */
export class ShapeError extends Error {
  /** Always `ShapeError`. */
  override readonly name = 'ShapeError';

  /** The message is `op: problem`. */
  constructor(
    /** The op that refused. */
    readonly op: string,
    problem: string,
    /** The shapes that it was given. */
    readonly shapes: readonly Shape[] = [],
  ) {
    super(`${op}: ${problem}`);
  }
}

/** Number of elements; 1 for a scalar (shape []). */
export function sizeOf(shape: Shape): number {
  return shape.reduce((size, length) => size * length, 1);
}

/** `[32, 3, 224, 224]` */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis]);
}

/** Elements to skip for one step along each axis of a row-major array. */
export function stridesOf(shape: Shape): number[] {
  const strides: number[] = new Array(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis]!;
  }
  return strides;
}

/** NumPy's broadcasting: shapes are aligned at the last axis; lengths must be equal or 1. Throws a ShapeError naming `op`. */
export function broadcastShapes(op: string, shapes: readonly Shape[]): Shape {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result: number[] = new Array(rank).fill(1);
  for (const shape of shapes) {
    shape.forEach((length, axis) => {
      const at = rank - shape.length + axis;
      if (length === 1) return;
      if (result[at] !== 1 && result[at] !== length) {
        throw new ShapeError(
          op,
          `shapes ${shapes.map(formatShape).join(' and ')} do not broadcast: at axis ${at} the lengths are ${result[at]} and ${length}, and only equal lengths or 1 go together`,
          shapes,
        );
      }
      result[at] = length;
    });
  }
  return result;
}

/** Strides of `shape` seen as `target`: 0 along every axis that is repeated. */
export function broadcastStrides(shape: Shape, target: Shape): number[] {
  const own = stridesOf(shape);
  return target.map((_, axis) => {
    const at = axis - (target.length - shape.length);
    return at < 0 || shape[at] === 1 ? 0 : own[at]!;
  });
}

/** An axis counted from the front; negative ones count from the back, as in NumPy. */
export function normaliseAxis(op: string, axis: number, shape: Shape): number {
  const rank = shape.length;
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    throw new ShapeError(
      op,
      `axis ${axis} does not exist in shape ${formatShape(shape)}; use an integer from ${-rank} to ${rank - 1}`,
      [shape],
    );
  }
  return axis < 0 ? axis + rank : axis;
}

/** Axes in ascending order, each once; all of them when none is given. */
export function normaliseAxes(op: string, axes: number | readonly number[] | undefined, shape: Shape): number[] {
  if (axes === undefined) return shape.map((_, axis) => axis);
  const list = (typeof axes === 'number' ? [axes] : [...axes]).map((axis) => normaliseAxis(op, axis, shape));
  if (new Set(list).size !== list.length) throw new ShapeError(op, `axes [${axes}] name an axis twice`, [shape]);
  return list.sort((a, b) => a - b);
}

/** Throws unless every length is a positive integer: no op of this framework works on empty tensors. */
export function checkShape(op: string, shape: Shape): void {
  if (shape.every((length) => Number.isInteger(length) && length > 0)) return;
  throw new ShapeError(
    op,
    `shape ${formatShape(shape)} needs a positive integer for every axis; empty tensors are not supported`,
    [shape],
  );
}
