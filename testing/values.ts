/** Numbers from a seed. */
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { type Shape, sizeOf } from '../core/shape.ts';

/** Values drawn uniformly from [low, high), [-1, 1) by default, row-major. The same shape and seed give the same values. */
export function randomValues(shape: Shape, seed: number, low = -1, high = 1): Float64Array {
  const generator = xoroshiro128plus(scattered(seed));
  return Float64Array.from({ length: sizeOf(shape) }, () => low + (high - low) * uniformFloat64(generator));
}

/** Another seed for each: the first numbers of generators with neighbouring seeds are almost the same. */
function scattered(seed: number): number {
  const half = Math.imul(seed ^ (seed >>> 16), 0x85ebca6b);
  const mixed = Math.imul(half ^ (half >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

/**
 * Values between -1 and 1 in random order, without ties and away from 0, for ops with kinks there (relu, max): of n values any two are
 * 1.2 / n apart, and all are 0.1 / n from 0. Other seeds give other values.
 */
export function distinctValues(shape: Shape, seed: number): Float64Array {
  const size = sizeOf(shape);
  const [order, shift] = [randomValues(shape, seed), randomValues(shape, seed + 1, 0.55, 0.95)];
  const ranks = Array.from({ length: size }, (_, k) => k).sort((a, b) => order[a]! - order[b]!);
  const values = new Float64Array(size);
  ranks.forEach((at, rank) => {
    values[at] = ((rank + shift[at]!) / size) * 2 - 1;
  });
  return values;
}
