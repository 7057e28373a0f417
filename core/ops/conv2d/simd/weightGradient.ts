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
import {
  type I32Var,
  load,
  loadF32,
  local,
  min,
  range,
  scalar,
  select,
  store,
  storeF32,
  subroutine,
  when,
} from '../../../devices/simd/emit/index.ts';
import type { SimdKernel, SimdLaunch, SimdOperand, SimdProgram } from '../../../devices/simd/kernel.ts';
import { panelsOf } from '../../../devices/simd/pack.ts';
import { COLUMN_BYTES, rankOne, TILE_COLUMNS, type Tile, zeroTile } from '../../../devices/simd/tile.ts';
import type { Geometry } from '../geometry.ts';

/** Pixels of dy times channels that a band reads, in bytes. */
const BAND_BYTES = 98304;
/** At least so many tasks where there are images for them. */
const MIN_TASKS = 16;
/** Panels of 16 output channels that a task works on. */
const TASK_PANELS = 4;

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
  const [height, width] = [h + 2 * padding[0], w + 2 * padding[1]];
  const blocked = apart(c, groups);
  const own = { image: height * width * c, row: width * c, pixel: c, block: TILE_COLUMNS };
  if (!blocked && padding[0] === 0 && padding[1] === 0) return { array: { input: 0 }, ...own, launches: [], size: 1 };
  const size = n * height * width * c;
  const walk = blocked ? blockedWalk(n, height, width) : own;
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

/** Copies a channels-last array to where a walk wants it. */
function blockCopy(
  { n, c, h, w }: { readonly n: number; readonly c: number; readonly h: number; readonly w: number },
  { array, image, row, pixel, block }: Omit<Walk, 'launches' | 'size'>,
  offset: number,
  input: number,
): SimdLaunch {
  const own = [h * w * c, w * c, c];
  const [lengths, to, from] =
    block === TILE_COLUMNS
      ? [[c], [1], [1]]
      : [
          [c / TILE_COLUMNS, TILE_COLUMNS],
          [block, 1],
          [TILE_COLUMNS, 1],
        ];
  return copyLaunch(
    [n, h, w, ...lengths],
    { array, offset, strides: [image, row, pixel, ...to] },
    { array: { input }, offset: 0, strides: [...own, ...from] },
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

type Five = [I32Var, I32Var, I32Var, I32Var, I32Var];

/**
 * task: chunk, kernel row and panels | kernel rows | tasks a row | panels | images a chunk | images | groups | bytes a partial |
 * output rows | output width | rows a band | x: array, byte strides of image, row, pixel, group | kernel row stride | runs | rows of a run |
 * run stride | dy: array, byte strides of image, row, pixel, group | partial | bytes from 16 channels to the next: of x, of dy
 */
const productKernel: SimdKernel = {
  name: 'conv2dWeightGradient',
  parameters: 28,
  emit: (task, kernelRows, panelTasks, panels, perChunk, images, groups, ...rest) => {
    const [partialBytes, height, width, band, x] = rest.slice(0, 5) as Five;
    const [xImage, xRow, xPixel, xGroup, kernelRow] = rest.slice(5, 10) as Five;
    const [runs, run, runStride, dy, dyImage] = rest.slice(10, 15) as Five;
    const [dyRow, dyPixel, dyGroup, partial, xBlock] = rest.slice(15, 20) as Five;
    const dyBlock = rest[20]!;
    const upper = local(task.div(panelTasks!));
    const firstPanel = local(task.sub(upper.mul(panelTasks!)).mul(TASK_PANELS));
    const lastPanel = min(firstPanel.add(TASK_PANELS), panels!);
    const chunk = local(upper.div(kernelRows!));
    const i = local(upper.sub(chunk.mul(kernelRows!)));
    const firstImage = local(chunk.mul(perChunk!));
    const pitch = local(panels!.mul(COLUMN_BYTES));
    const rowBytes = local(runs.mul(run).mul(pitch));
    range(firstImage, min(firstImage.add(perChunk!), images!), 1, (image) => {
      range(0, height, band, (top) => {
        const rows = min(height.sub(top), band);
        range(0, groups!, 1, (group) => {
          const input = local(x.add(image.mul(xImage)).add(top.mul(xRow)).add(group.mul(xGroup)).add(i.mul(kernelRow)));
          const slope = local(dy.add(image.mul(dyImage)).add(top.mul(dyRow)).add(group.mul(dyGroup)));
          const result = local(partial.add(chunk.mul(partialBytes)).add(group.mul(kernelRows!).add(i).mul(rowBytes)));
          range(firstPanel, lastPanel, 1, (panel) => {
            const columns = local(slope.add(panel.mul(dyBlock)));
            range(0, runs, 1, (k) => {
              const taps = local(input.add(k.mul(runStride)));
              const to = local(result.add(k.mul(run).mul(pitch)).add(panel.mul(COLUMN_BYTES)));
              range(0, run, 2, (tap) => {
                // An odd last tap is computed twice.
                const paired = local(tap.add(1).lt(run));
                const at = local(to.add(tap.mul(pitch)));
                const second = local(select(paired, at.add(pitch), at));
                const distance = local(paired.shl(2));
                const source = local(taps.add(tap.shr(4).mul(xBlock)).add(tap.and(15).shl(2)));
                productTile(rows, width, source, distance, xRow, xPixel, columns, dyRow, dyPixel, at, second);
              });
            });
          });
        });
      });
    });
  },
};

/** rows | width | first tap | distance of the second | x: row and pixel stride | dy | its row and pixel stride | where both sums lie */
const productTile = subroutine('conv2dWeightGradientTile', 11, (rows, width, x, distance, ...rest) => {
  const [xRow, xPixel, dy, dyRow, dyPixel] = rest.slice(0, 5) as Five;
  const [first, second] = rest.slice(5) as Five;
  const tile = zeroTile();
  range(0, rows!, 1, () => {
    const at = local(x!);
    const slope = local(dy);
    range(0, width!, 1, () => {
      rankOne(tile, [at, at.add(distance!)], slope);
      at.increase(xPixel);
      slope.increase(dyPixel);
    });
    x!.increase(xRow);
    dy.increase(dyRow);
  });
  accumulate(tile, [first, second]);
});

/** Both rows are added to what is there; where they have one address they are equal, and the second is left out. */
function accumulate(tile: Tile, [first, second]: readonly [I32Var, I32Var]): void {
  const add = (row: Tile[number], to: I32Var): void => row.forEach((sum, k) => store(to, load(to, 16 * k).add(sum), 16 * k));
  add(tile[0]!, first);
  when(second.ne(first), () => add(tile[1]!, second));
}

/**
 * output[o][c][i][j] = sum over chunks of partial[chunk][group][i][j][c][o]. task: o | chunks | bytes a partial | outputs of a group |
 * channels of a group | i | j | bytes a row of panels | partial | output
 */
const sumKernel: SimdKernel = {
  name: 'conv2dWeightGradientSum',
  parameters: 10,
  emit: (o, chunks, partialBytes, outputs, inputs, rows, ...rest) => {
    const [columns, pitch, partial, output] = rest as Five;
    const group = local(o.div(outputs!));
    const taps = local(rows!.mul(columns).mul(inputs!));
    const from = local(partial.add(group.mul(taps).mul(pitch)).add(o.sub(group.mul(outputs!)).shl(2)));
    const to = local(output.add(o.mul(taps).shl(2)));
    range(0, inputs!, 1, (c) => {
      range(0, rows!.mul(columns), 1, (tap) => {
        const at = local(from.add(tap.mul(inputs!).add(c).mul(pitch)));
        const total = local(scalar(0));
        range(0, chunks!, 1, () => {
          total.set(total.add(loadF32(at)));
          at.increase(partialBytes!);
        });
        storeF32(to, total);
        to.increase(4);
      });
    });
  },
};
