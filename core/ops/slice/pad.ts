import { formatShape, ShapeError } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { where } from '../pointwise/piecewise.ts';
import { fill, ones } from '../pointwise/pointwise.ts';
import { place } from './slice.ts';

/**
 * x with `padding[axis]` = [before, after] more elements of `value`, 0 by default, along each axis: [.., l, ..] gives [.., before
 * + l + after, ..]. Throws a ShapeError for negative padding and where an axis has none given.
 */
export function pad(x: Tensor, padding: readonly (readonly [number, number])[], value = 0): Tensor {
  if (padding.length !== x.shape.length || padding.flat().some((size) => !Number.isInteger(size) || size < 0)) {
    throw new ShapeError(
      'pad',
      `padding ${JSON.stringify(padding)} given for shape ${formatShape(x.shape)}; give [before, after] of whole numbers from 0 on for every axis`,
      [x.shape],
    );
  }
  const options = {
    start: padding.map(([before]) => before),
    step: padding.map(() => 1),
    shape: x.shape.map((length, axis) => length + padding[axis]![0] + padding[axis]![1]),
  };
  const padded = place(x, options);
  return value === 0 || padded === x ? padded : where(place(ones(x.shape), options), padded, fill([], value));
}
