/** Images with a margin, so that a kernel's window never leaves the array. */
import { copyLaunch, zeroLaunch } from '../../../devices/simd/copy.ts';
import type { SimdLaunch, SimdOperand } from '../../../devices/simd/kernel.ts';
import type { Pair } from '../geometry.ts';

/** A channels-last image batch [n][h][w][c] inside a frame of zeros; rows or columns cut off where an edge is negative. */
export interface Frame {
  /** Where the images lie then. */
  readonly array: SimdOperand;
  readonly launches: readonly SimdLaunch[];
  readonly size: number;
  readonly height: number;
  readonly width: number;
}

export interface Image {
  readonly n: number;
  readonly h: number;
  readonly w: number;
  readonly c: number;
}

/** The images themselves where nothing is added or cut. `before` and `after` are edges in pixels; `spread` puts so many pixels between neighbours, less one, by zeros. */
export function frame(
  { n, h, w, c }: Image,
  from: SimdOperand,
  to: SimdOperand,
  before: Pair,
  after: Pair,
  spread: Pair = [1, 1],
): Frame {
  if ([...before, ...after].every((edge) => edge === 0) && spread.every((each) => each === 1))
    return { array: from, launches: [], size: 1, height: h, width: w };
  const height = (h - 1) * spread[0] + 1 + before[0] + after[0];
  const width = (w - 1) * spread[1] + 1 + before[1] + after[1];
  const rows = inside(h, spread[0], before[0], height);
  const columns = inside(w, spread[1], before[1], width);
  const size = n * height * width * c;
  const content = copyLaunch(
    [n, rows.count, columns.count, c],
    {
      array: to,
      offset: ((rows.first * spread[0] + before[0]) * width + columns.first * spread[1] + before[1]) * c,
      strides: [height * width * c, spread[0] * width * c, spread[1] * c, 1],
    },
    { array: from, offset: (rows.first * w + columns.first) * c, strides: [h * w * c, w * c, c, 1] },
  );
  const empty = rows.count <= 0 || columns.count <= 0;
  const launches = [zeroLaunch(to, size), ...(empty ? [] : [content])];
  return { array: to, launches, size, height, width };
}

/** The input rows or columns that fall into the frame. */
function inside(length: number, spread: number, before: number, framed: number): { first: number; count: number } {
  const first = Math.max(0, Math.ceil(-before / spread));
  const end = Math.min(length, Math.floor((framed - 1 - before) / spread) + 1);
  return { first, count: end - first };
}
