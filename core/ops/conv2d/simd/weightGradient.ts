/**
 * The weight gradient as products of the padded image and dy: rows of the tile are taps (kernel column and channel, neighbours in
 * memory), its columns 16 output channels, and k walks the pixels.
 *
 *     partial[chunk][group][panel][i][j c][16] += x[y s + i d, x s + j d, c] dy[y, x, o]
 *
 * Tasks own a chunk of images, a kernel row and some panels, so nothing is shared; a last launch adds the chunks in order. Images go
 * outermost, and bands of rows or of whole images, so that both operands stay in the caches for all tiles; where pixels are long
 * their channels are rearranged into blocks of 16 first.
 */

import { copyLaunch, zeroLaunch } from '../../../devices/simd/copy.ts';
import type { SimdLaunch, SimdOperand, SimdProgram } from '../../../devices/simd/kernel.ts';
import { panelsOf } from '../../../devices/simd/pack.ts';
import { TILE_COLUMNS } from '../../../devices/simd/tile.ts';
import type { Geometry } from '../geometry.ts';
import { frame, type Image } from './frame.ts';
import { productKernel, sumKernel, TASK_PANELS } from './weightGradientKernels.ts';

/** Pixels of a band, about: 16 channels of them, in x and in dy, share the first cache. */
const BAND_PIXELS = 256;
/** At least so many tasks where there are images for them. */
const MIN_TASKS = 16;

/** Channels from which on a pixel is so long that pixel after pixel falls into the same cache sets: blocks of 16 then lie apart. */
const APART_CHANNELS = 128;

const [PARTIAL, FRAMED, SLOPES] = [{ scratch: 0 }, { scratch: 1 }, { scratch: 2 }] as const;

export function directWeightGradient(geometry: Geometry): SimdProgram {
  const { c, o, i, j, groups } = geometry;
  const [inputs, outputs] = [c / groups, o / groups];
  const panels = panelsOf(outputs);
  const panelTasks = Math.ceil(panels / TASK_PANELS);
  const [input, slopes] = [inputOf(geometry), slopesOf(geometry)];
  const bands = bandsOf(geometry, input, slopes);
  const chunks = Math.min(bands.images, Math.ceil(MIN_TASKS / (i * panelTasks)));
  const partial = groups * i * j * inputs * panels * TILE_COLUMNS;
  return {
    scratch: [chunks * partial, input.size, slopes.size],
    threadScratch: 0,
    launches: [
      ...input.launches,
      ...slopes.launches,
      zeroLaunch(PARTIAL, chunks * partial),
      productLaunch(geometry, { chunks, panels, panelTasks, partial }, bands, input, slopes),
      {
        kernel: sumKernel,
        tasks: groups * panels,
        args: [chunks, 4 * partial, panels, outputs, inputs, i * j, PARTIAL, 'output'],
      },
    ],
    algorithm: 'direct',
  };
}

/** An array as the products walk it, in elements: from one output row, or pixel, to the next, and `block` from 16 channels to the next. */
interface Walk {
  readonly array: SimdOperand;
  readonly image: number;
  readonly row: number;
  readonly pixel: number;
  readonly block: number;
  readonly launches: readonly SimdLaunch[];
  readonly size: number;
}

/** The input's: also from one kernel row, or column, to the next. */
interface InputWalk extends Walk {
  readonly tapRow: number;
  readonly tapColumn: number;
}

const apart = (channels: number, groups: number): boolean =>
  groups === 1 && channels >= APART_CHANNELS && channels % TILE_COLUMNS === 0;

/** The padded input; where its channels are many, as [c / 16][n][h][w][16], and then without the pixels that a 1x1 kernel skips. */
function inputOf({ n, c, h, w, i, j, y, x, padding, stride, dilation, groups }: Geometry): InputWalk {
  if (!apart(c, groups)) {
    const { array, launches, size, height, width } = frame({ n, h, w, c }, { input: 0 }, FRAMED, padding, padding);
    const [row, pixel] = [width * c, c];
    return {
      ...{ array, launches, size, image: height * row, row: stride[0] * row, pixel: stride[1] * pixel, block: TILE_COLUMNS },
      ...{ tapRow: dilation[0] * row, tapColumn: dilation[1] * pixel },
    };
  }
  const skips = i * j === 1 && padding[0] + padding[1] === 0;
  const [height, width] = skips ? [y, x] : [h + 2 * padding[0], w + 2 * padding[1]];
  const size = n * height * width * c;
  const own = blockedWalk(n, height, width);
  const source = skips
    ? { image: { n, c, h: y, w: x }, strides: [h * w * c, stride[0] * w * c, stride[1] * c] }
    : { image: { n, c, h, w }, strides: [h * w * c, w * c, c] };
  const [rowStep, pixelStep] = skips ? [1, 1] : stride;
  return {
    ...own,
    row: rowStep * own.row,
    pixel: pixelStep * own.pixel,
    tapRow: dilation[0] * own.row,
    tapColumn: dilation[1] * own.pixel,
    array: FRAMED,
    launches: [
      ...(padding[0] + padding[1] > 0 ? [zeroLaunch(FRAMED, size)] : []),
      blockCopy(source, { array: FRAMED, ...own }, padding[0] * own.row + padding[1] * own.pixel, 0),
    ],
    size,
  };
}

/** dy; where its channels are many, as [o / 16][n][y][x][16]. */
function slopesOf({ n, o, y, x, groups }: Geometry): Walk {
  const own = { image: y * x * o, row: x * o, pixel: o, block: TILE_COLUMNS };
  if (!apart(o, groups)) return { array: { input: 1 }, ...own, launches: [], size: 1 };
  const walk = blockedWalk(n, y, x);
  const source = { image: { n, c: o, h: y, w: x }, strides: [own.image, own.row, own.pixel] };
  return { array: SLOPES, ...walk, launches: [blockCopy(source, { array: SLOPES, ...walk }, 0, 1)], size: n * y * x * o };
}

function blockedWalk(n: number, height: number, width: number) {
  const row = width * TILE_COLUMNS;
  return { image: height * row, row, pixel: TILE_COLUMNS, block: n * height * row };
}

/** Copies a channels-last array into blocks of 16 channels. */
function blockCopy(
  source: { readonly image: Image; readonly strides: readonly number[] },
  { array, image, row, pixel, block }: Omit<Walk, 'launches' | 'size'>,
  offset: number,
  input: number,
): SimdLaunch {
  const { n, c, h, w } = source.image;
  return copyLaunch(
    [n, h, w, c / TILE_COLUMNS, TILE_COLUMNS],
    { array, offset, strides: [image, row, pixel, block, 1] },
    { array: { input }, offset: 0, strides: [...source.strides, TILE_COLUMNS, 1] },
  );
}

/**
 * How k is cut: so many images of so many rows, and how many of each a tile takes at once. Where the rows of both arrays follow each other
 * evenly from image to image, every row counts as an image; where the pixels do so too, those of a band are one run.
 */
interface Bands {
  readonly images: number;
  readonly rows: number;
  readonly width: number;
  readonly imagesPerBand: number;
  readonly rowsPerBand: number;
  readonly run: boolean;
  /** Elements from image to image, of the input and of dy. */
  readonly strides: readonly [number, number];
}

function bandsOf({ n, y, x }: Geometry, input: Walk, slopes: Walk): Bands {
  const even = input.image === y * input.row && slopes.image === y * slopes.row;
  const run = even && input.row === x * input.pixel && slopes.row === x * slopes.pixel;
  const [images, rows] = even ? [n * y, 1] : [n, y];
  const fitting = Math.max(1, Math.floor(BAND_PIXELS / x));
  return {
    ...{ images, rows, width: x, run, strides: even ? [input.row, slopes.row] : [input.image, slopes.image] },
    imagesPerBand: Math.max(1, Math.floor(fitting / rows)),
    rowsPerBand: Math.min(rows, fitting),
  };
}

interface Split {
  readonly chunks: number;
  readonly panels: number;
  readonly panelTasks: number;
  /** Floats of a chunk's result. */
  readonly partial: number;
}

function productLaunch(
  { c, o, i, j, dilation, groups }: Geometry,
  { chunks, panels, panelTasks, partial }: Split,
  { images, rows, width, imagesPerBand, rowsPerBand, run, strides }: Bands,
  input: InputWalk,
  slopes: Walk,
): SimdLaunch {
  const together = groups === 1 && dilation[1] === 1 && input.block === TILE_COLUMNS;
  return {
    kernel: productKernel,
    tasks: chunks * i * panelTasks,
    args: [
      ...[i, panelTasks, panels, Math.ceil(images / chunks), images, groups, 4 * partial],
      ...[rows, width, imagesPerBand, rowsPerBand, run ? 1 : 0],
      ...[input.array, 4 * strides[0], 4 * input.row, 4 * input.pixel, (4 * c) / groups],
      ...[4 * input.tapRow, together ? 1 : j, together ? j * c : c / groups, 4 * input.tapColumn],
      ...[slopes.array, 4 * strides[1], 4 * slopes.row, 4 * slopes.pixel, (4 * o) / groups],
      ...[PARTIAL, 4 * input.block, 4 * slopes.block],
    ],
  };
}
