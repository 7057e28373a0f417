/**
 * The weight gradient by Winograd's F(4x4, 3x3), the transpose of the forward pass:
 *
 *     du[36][c][o] = sum over tiles of v[36][tile][c] m[36][tile][o],  v = B^T x B,  m = A dy A^T        dw = G^T du G
 *
 * Chunks of tiles have sums of their own, as many chunks as the shapes say; where channels are many, tasks are points and panels instead.
 */
import { zeroLaunch } from '../../../devices/simd/copy.ts';
import {
  type I32Var,
  load,
  local,
  min,
  range,
  splat,
  storeLane,
  threadScratch,
  times,
} from '../../../devices/simd/emit/index.ts';
import type { SimdKernel, SimdLaunch, SimdOperand, SimdProgram } from '../../../devices/simd/kernel.ts';
import { COLUMN_BYTES } from '../../../devices/simd/tile.ts';
import type { Geometry } from '../geometry.ts';
import { type Frame, frame } from './frame.ts';
import { marginAfter, POINTS, type Tiling, tilingOf } from './tiling.ts';
import { kernelSlopeMap, TRANSFORM_BYTES, transformSquare } from './transforms.ts';
import { multiplySlopes, transformInput, transformSlope } from './winogradKernels.ts';

/** Chunks of tiles at most, and floats that their sums may take together. */
const MAX_CHUNKS = 16;
const CHUNK_FLOATS = 2 ** 22;
/** Fewer chunks would leave threads idle. */
const MIN_CHUNKS = 4;
/** Tiles, and panels, of a task where stages are launches. */
const STAGE_TILES = 8;
const STAGE_PANELS = 2;

const [FRAMED, SLOPES, SUMS, INPUTS, TRANSFORMED] = [
  { scratch: 0 },
  { scratch: 1 },
  { scratch: 2 },
  { scratch: 3 },
  { scratch: 4 },
] as const;

export function winogradWeightGradient({ n, c, h, w, o, y, x, padding }: Geometry): SimdProgram {
  const tiling = tilingOf(n, [y, x], c, o);
  const { tiles, total, columns, block } = tiling;
  const input = frame({ n, h, w, c }, { input: 0 }, FRAMED, padding, marginAfter(tiling, [h, w], padding));
  const whole = y % 4 === 0 && x % 4 === 0;
  const after = [4 * tiles[0] - y, 4 * tiles[1] - x] as const;
  const slopes: Frame = whole
    ? { launches: [], size: 1, height: y, width: x }
    : frame({ n, h: y, w: x, c: o }, { input: 1 }, SLOPES, [0, 0], after);
  const sums = POINTS * c * columns;
  const fitting = Math.min(MAX_CHUNKS, Math.floor(CHUNK_FLOATS / sums), Math.ceil(total / block));
  const staged = fitting < MIN_CHUNKS;
  const chunks = staged ? 1 : fitting;
  const walks = { input: walk(tiling, input, 4 * c, FRAMED), slope: walk(tiling, slopes, 4 * o, whole ? { input: 1 } : SLOPES) };
  return {
    scratch: [input.size, slopes.size, chunks * sums, staged ? POINTS * total * c : 1, staged ? POINTS * total * columns : 1],
    threadScratch: TRANSFORM_BYTES + (staged ? 0 : 4 * POINTS * block * (c + columns)),
    launches: [
      ...input.launches,
      ...slopes.launches,
      zeroLaunch(SUMS, chunks * sums),
      ...(staged ? stageLaunches(tiling, walks) : [chunkLaunch(tiling, chunks, walks)]),
      { kernel: weightKernel, tasks: c, args: [chunks, 4 * sums, c, 4 * o, tiling.panels * COLUMN_BYTES, SUMS, 'output'] },
    ],
    algorithm: 'winograd F(4x4,3x3)',
  };
}

/** Tile rows and columns, byte strides of image, row and pixel, and the array. */
function walk({ tiles }: Tiling, { height, width }: Frame, pixel: number, array: SimdOperand): SimdLaunch['args'] {
  return [...tiles, height * width * pixel, width * pixel, pixel, array];
}

interface Walks {
  readonly input: SimdLaunch['args'];
  readonly slope: SimdLaunch['args'];
}

function chunkLaunch({ total, panels, block, channels, columns }: Tiling, chunks: number, { input, slope }: Walks): SimdLaunch {
  const perChunk = Math.ceil(total / chunks);
  const bytes = 4 * POINTS * channels * columns;
  return {
    kernel: chunkKernel,
    tasks: chunks,
    args: [perChunk, block, total, panels, channels, bytes, ...input, ...slope, SUMS],
  };
}

type Six = [I32Var, I32Var, I32Var, I32Var, I32Var, I32Var];

/** task: a chunk | tiles a chunk | tiles a block | tiles | panels | channels | bytes of a chunk's sums | x ... | dy ... | sums */
const chunkKernel: SimdKernel = {
  name: 'winogradWeightGradientChunk',
  parameters: 20,
  emit: (task, perChunk, block, total, panels, channels, bytes, ...rest) => {
    const [rows, columns, imageStride, rowStride, pixel, images] = rest.slice(0, 6) as Six;
    const [, , slopeImage, slopeRow, slopePixel, slopes] = rest.slice(6, 12) as Six;
    const sums = local(rest[12]!.add(task.mul(bytes!)));
    const end = min(task.add(1).mul(perChunk!), total!);
    const v = local(threadScratch.add(TRANSFORM_BYTES));
    const plane = local(block!.mul(pixel));
    const m = local(v.add(plane.mul(POINTS)));
    const pitch = local(panels!.mul(COLUMN_BYTES));
    const slopePlane = local(block!.mul(pitch));
    range(task.mul(perChunk!), end, block!, (first) => {
      const count = min(block!, end.sub(first));
      transformInput(rows, columns, imageStride, rowStride, pixel, images, first, count, plane, pixel, v);
      transformSlope(rows, columns, slopeImage, slopeRow, slopePixel, slopes, first, count, slopePlane, pitch, m);
      range(0, POINTS, 1, (point) => {
        const to = local(sums.add(point.mul(channels!).mul(pitch)));
        multiplySlopes(count, channels!, v.add(point.mul(plane)), pixel, panels!, m.add(point.mul(slopePlane)), pitch, to);
      });
    });
  },
};

function stageLaunches({ total, panels, channels }: Tiling, { input, slope }: Walks): SimdLaunch[] {
  const tasks = Math.ceil(total / STAGE_TILES);
  const panelTasks = Math.ceil(panels / STAGE_PANELS);
  return [
    { kernel: transformStage, tasks, args: [total, panels, ...input, ...slope, INPUTS, TRANSFORMED] },
    {
      kernel: productStage,
      tasks: POINTS * panelTasks,
      args: [panelTasks, total, panels, channels, INPUTS, TRANSFORMED, SUMS],
    },
  ];
}

/** task: tiles | how many in all | panels | x ... | dy ... | v | m */
const transformStage: SimdKernel = {
  name: 'winogradWeightGradientTransforms',
  parameters: 17,
  emit: (task, total, panels, ...rest) => {
    const [rows, columns, imageStride, rowStride, pixel, images] = rest.slice(0, 6) as Six;
    const [, , slopeImage, slopeRow, slopePixel, slopes] = rest.slice(6, 12) as Six;
    const first = local(task.mul(STAGE_TILES));
    const count = min(total!.sub(first), STAGE_TILES);
    const pitch = local(panels!.mul(COLUMN_BYTES));
    const v = local(rest[12]!.add(first.mul(pixel)));
    const m = local(rest[13]!.add(first.mul(pitch)));
    transformInput(rows, columns, imageStride, rowStride, pixel, images, first, count, total!.mul(pixel), pixel, v);
    transformSlope(rows, columns, slopeImage, slopeRow, slopePixel, slopes, first, count, total!.mul(pitch), pitch, m);
  },
};

/** task: a point and panels | tasks a point | tiles | panels | channels | v | m | sums */
const productStage: SimdKernel = {
  name: 'winogradWeightGradientProducts',
  parameters: 8,
  emit: (task, panelTasks, total, panels, channels, v, m, sums) => {
    const point = local(task.div(panelTasks!));
    const first = local(task.sub(point.mul(panelTasks!)).mul(STAGE_PANELS));
    const count = min(panels!.sub(first), STAGE_PANELS);
    const pitch = local(panels!.mul(COLUMN_BYTES));
    const pixel = local(channels!.shl(2));
    const skipped = local(first.mul(COLUMN_BYTES));
    const from = local(m!.add(point.mul(total!).mul(pitch)).add(skipped));
    const to = local(sums!.add(point.mul(channels!).mul(pitch)).add(skipped));
    multiplySlopes(total!, channels!, v!.add(point.mul(total!).mul(pixel)), pixel, count, from, pitch, to);
  },
};

/** dw[o][c][3][3] = G^T du G, the chunks added in order. task: c | chunks | bytes a chunk | channels | bytes of o | pitch | du | dw */
const weightKernel: SimdKernel = {
  name: 'winogradWeightGradientSum',
  parameters: 8,
  emit: (c, chunks, bytes, channels, outputBytes, pitch, sums, output) => {
    const plane = local(channels!.mul(pitch!));
    const kernelBytes = local(channels!.mul(36));
    range(0, outputBytes!, 16, (o) => {
      const source = local(sums!.add(c.mul(pitch!)).add(o));
      const target = local(output!.add(o.shr(2).mul(kernelBytes)).add(c.mul(36)));
      transformSquare(
        kernelSlopeMap,
        6,
        3,
        (j) => {
          const at = local(source.add(j.mul(plane)));
          return times(6, (k) => {
            const total = local(splat(0));
            const from = local(at.add(plane.mul(6 * k)));
            range(0, chunks!, 1, () => {
              total.set(total.add(load(from)));
              from.increase(bytes!);
            });
            return total;
          });
        },
        (i, values) => {
          values.forEach((value, k) => {
            const at = local(target.add(i.mul(12)));
            const bound = local(value);
            times(4, (lane) => {
              storeLane(at, bound, lane, 4 * k);
              if (lane < 3) at.increase(kernelBytes);
            });
          });
        },
      );
    });
  },
};
