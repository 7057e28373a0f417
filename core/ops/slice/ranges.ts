/**
 * What users may write for an axis of a slice, and what NumPy's x[start:stop:step] means by it.
 */
import { formatShape, type Shape, ShapeError } from '../../shape.ts';

/** An index drops its axis; a range keeps it; nothing takes all of it. Negative numbers count from the end, as in NumPy. */
export type Range =
  | number
  | {
      /** The first index; by default the axis's first, or its last where the step is negative. */
      readonly start?: number;
      /** The index at which to stop, which is left out; by default the axis is taken to its end. */
      readonly stop?: number;
      /** From one index to the next, not 0; 1 by default. */
      readonly step?: number;
    }
  | undefined
  | null;

/** The indices start, start + step, ...: `count` of them, all inside the axis. */
export interface ResolvedRange {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/** Throws a ShapeError for an index outside the axis, for numbers that are not whole, a step of 0 and an empty result. */
export function resolveRange(range: Range, axis: number, shape: Shape): ResolvedRange {
  const length = shape[axis]!;
  if (typeof range === 'number') return resolveIndex(range, axis, shape);
  const { start, stop, step = 1 } = range ?? {};
  checkNumbers({ start, stop, step }, axis, shape);
  const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
  const bound = (index: number): number => Math.min(Math.max(index < 0 ? index + length : index, low), high);
  const first = start === undefined ? (step > 0 ? low : high) : bound(start);
  const end = stop === undefined ? (step > 0 ? high : low) : bound(stop);
  const count = Math.ceil((end - first) / step);
  if (count <= 0) {
    throw new ShapeError(
      'slice',
      `the range of axis ${axis} (${describe({ start, stop, step })}) is empty in shape ${formatShape(shape)}; empty tensors are not supported`,
      [shape],
    );
  }
  return { start: first, step, count };
}

function resolveIndex(index: number, axis: number, shape: Shape): ResolvedRange {
  const length = shape[axis]!;
  if (Number.isInteger(index) && index >= -length && index < length)
    return { start: index < 0 ? index + length : index, step: 1, count: 1 };
  throw new ShapeError(
    'slice',
    `index ${index} is outside axis ${axis} of shape ${formatShape(shape)}; use an integer from ${-length} to ${length - 1}`,
    [shape],
  );
}

type Numbers = { readonly start: number | undefined; readonly stop: number | undefined; readonly step: number };

function checkNumbers(numbers: Numbers, axis: number, shape: Shape): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (value === undefined || (Number.isInteger(value) && !(name === 'step' && value === 0))) continue;
    const needed = name === 'step' ? 'a whole number other than 0' : 'a whole number';
    throw new ShapeError(
      'slice',
      `${name} ${value} given for axis ${axis} of shape ${formatShape(shape)}; it needs to be ${needed}`,
      [shape],
    );
  }
}

function describe(numbers: Numbers): string {
  return Object.entries(numbers)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name} ${value}`]))
    .join(', ');
}
