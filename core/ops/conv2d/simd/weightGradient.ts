/**
 * The weight gradient as products of the padded image and dy: rows of the tile are taps (kernel column and channel, neighbours in
 * memory), its columns 16 output channels, and k walks the pixels.
 *
 *     partial[chunk][group][i][j c][16 panels] += x[y s + i d, x s + j d, c] dy[y, x, o]
 *
 * Tasks own a chunk of images, a kernel row and some panels, so nothing is shared; a last launch adds the chunks in order. Images go
 * outermost, and bands of rows within them, so that both operands stay in the second cache for all tiles; where pixels are long their
 * channels are rearranged into blocks of 16 first.
 */

import { copyLaunch, zeroLaunch } from '../../../devices/simd/copy.ts';
import type { SimdLaunch, SimdOperand, SimdProgram } from '../../../devices/simd/kernel.ts';
import { panelsOf } from '../../../devices/simd/pack.ts';
import { COLUMN_BYTES, TILE_COLUMNS } from '../../../devices/simd/tile.ts';
import type { Geometry } from '../geometry.ts';
import { frame, type Image } from './frame.ts';
import { productKernel, sumKernel, TASK_PANELS } from './weightGradientKernels.ts';

/** Pixels of dy times channels that a band reads, in bytes. */
const BAND_BYTES = 98304;
/** At least so many tasks where there are images for them. */
const MIN_TASKS = 16;

/** Channels from which on a pixel is so long that pixel after pixel falls into the same cache sets: blocks of 16 then lie apart. */
const APART_CHANNELS = 128;

const [PARTIAL, FRAMED, SLOPES] = [{ scratch: 0 }, { scratch: 1 }, { scratch: 2 }] as const;

export function directWeightGradient(geometry: Geometry): SimdProgram {
  const { n, c, o, i, j, groups } = geometry;
  const [inputs, outputs] = [c / groups, o / groups];
  const panels = panelsOf(outputs);
  const panelTasks = Math.ceil(panels / TASK_PANELS);
  const chunks = Math.min(n, Math.ceil(MIN_TASKS / (i * panelTasks)));
  const partial = groups * i * j * inputs * panels * TILE_COLUMNS;
  const [input, slopes] = [inputOf(geometry), slopesOf(geometry)];
  return {
    scratch: [chunks * partial, input.size, slopes.size],
    threadScratch: 0,
    launches: [
      ...input.launches,
      ...slopes.launches,
      zeroLaunch(PARTIAL, chunks * partial),
      productLaunch(geometry, { chunks, panels, panelTasks, partial }, input, slopes),
      {
        kernel: sumKernel,
        tasks: o,
        args: [chunks, 4 * partial, outputs, inputs, i, j, panels * COLUMN_BYTES, PARTIAL, 'output'],
      },
    ],
    algorithm: 'direct',
  };
}

/** An array as the products walk it, in elements: `block` from 16 channels to the next 16. */
interface Walk {
  readonly array: SimdOperand;
  readonly image: number;
  readonly row: number;
  readonly pixel: number;
  readonly block: number;
  readonly launches: readonly SimdLaunch[];
  readonly size: number;
}

const apart = (channels: number, groups: number): boolean =>
  groups === 1 && channels >= APART_CHANNELS && channels % TILE_COLUMNS === 0;

/** The padded input; where its channels are many, as [c / 16][n][h][w][16]. */
function inputOf({ n, c, h, w, padding, groups }: Geometry): Walk {
  if (!apart(c, groups)) {
    const { array, launches, size, height, width } = frame({ n, h, w, c }, { input: 0 }, FRAMED, padding, padding);
    return { array, launches, size, image: height * width * c, row: width * c, pixel: c, block: TILE_COLUMNS };
  }
  const [height, width] = [h + 2 * padding[0], w + 2 * padding[1]];
  const size = n * height * width * c;
  const walk = blockedWalk(n, height, width);
  const launches = [
    ...(padding[0] + padding[1] > 0 ? [zeroLaunch(FRAMED, size)] : []),
    blockCopy({ n, c, h, w }, { array: FRAMED, ...walk }, padding[0] * walk.row + padding[1] * walk.pixel, 0),
  ];
  return { array: FRAMED, ...walk, launches, size };
}

/** dy; where its channels are many, as [o / 16][n][y][x][16]. */
function slopesOf({ n, o, y, x, groups }: Geometry): Walk {
  const own = { image: y * x * o, row: x * o, pixel: o, block: TILE_COLUMNS };
  if (!apart(o, groups)) return { array: { input: 1 }, ...own, launches: [], size: 1 };
  const walk = blockedWalk(n, y, x);
  return {
    array: SLOPES,
    ...walk,
    launches: [blockCopy({ n, c: o, h: y, w: x }, { array: SLOPES, ...walk }, 0, 1)],
    size: n * y * x * o,
  };
}

function blockedWalk(n: number, height: number, width: number) {
  const row = width * TILE_COLUMNS;
  return { image: height * row, row, pixel: TILE_COLUMNS, block: n * height * row };
}

/** Copies a channels-last array into blocks of 16 channels. */
function blockCopy(
  { n, c, h, w }: Image,
  { array, image, row, pixel, block }: Omit<Walk, 'launches' | 'size'>,
  offset: number,
  input: number,
): SimdLaunch {
  return copyLaunch(
    [n, h, w, c / TILE_COLUMNS, TILE_COLUMNS],
    { array, offset, strides: [image, row, pixel, block, 1] },
    { array: { input }, offset: 0, strides: [h * w * c, w * c, c, TILE_COLUMNS, 1] },
  );
}

interface Split {
  readonly chunks: number;
  readonly panels: number;
  readonly panelTasks: number;
  /** Floats of a chunk's result. */
  readonly partial: number;
}

function productLaunch(
  { n, c, o, i, j, y, x, stride, dilation, groups }: Geometry,
  { chunks, panels, panelTasks, partial }: Split,
  input: Walk,
  slopes: Walk,
): SimdLaunch {
  const together = groups === 1 && dilation[1] === 1 && input.block === TILE_COLUMNS;
  const rowBytes = 4 * Math.max(stride[0] * input.row * (c / input.pixel), x * o);
  return {
    kernel: productKernel,
    tasks: chunks * i * panelTasks,
    args: [
      ...[i, panelTasks, panels, Math.ceil(n / chunks), n, groups],
      ...[4 * partial, y, x, Math.max(1, Math.min(y, Math.floor(BAND_BYTES / rowBytes)))],
      ...[input.array, 4 * input.image, 4 * stride[0] * input.row, 4 * stride[1] * input.pixel, (4 * c) / groups],
      ...[4 * dilation[0] * input.row, together ? 1 : j, together ? j * c : c / groups, 4 * dilation[1] * input.pixel],
      ...[slopes.array, 4 * slopes.image, 4 * slopes.row, 4 * slopes.pixel, (4 * o) / groups],
      ...[PARTIAL, 4 * input.block, 4 * slopes.block],
    ],
  };
}
