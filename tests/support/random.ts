/** Seeded random arrays for tests; fast-check draws the seed, so that a failure shrinks to a small shape with its numbers. */

import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { type Shape, sizeOf } from '../../core/shape.ts';

/** Values spread over [low, high), different from each other by chance. */
export function randomArray(shape: Shape, seed: number, low = -1, high = 1): Float64Array {
  const generator = xoroshiro128plus(seed);
  return Float64Array.from({ length: sizeOf(shape) }, () => low + (high - low) * uniformFloat64(generator));
}

/** Values without ties and away from 0, in random order: for ops with kinks (relu, max). */
export function distinctArray(shape: Shape, seed: number): Float64Array {
  const size = sizeOf(shape);
  const order = randomArray(shape, seed);
  const ranks = Array.from({ length: size }, (_, k) => k).sort((a, b) => order[a]! - order[b]!);
  const values = new Float64Array(size);
  ranks.forEach((at, rank) => {
    values[at] = ((rank + 0.5) / size) * 2 - 1 + 0.25 / size;
  });
  return values;
}
