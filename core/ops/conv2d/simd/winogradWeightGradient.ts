/**
 * The weight gradient by Winograd's F(4x4, 3x3), the transpose of the forward pass:
 *
 *     du[36][c][o] = sum over tiles of v[36][tile][c] m[36][tile][o],  v = B^T x B,  m = A dy A^T        dw = G^T du G
 *
 * Chunks of tiles have sums of their own, as many chunks as the shapes say; where channels are many, tasks are points and panels instead.
 */
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
import type { SimdKernel, SimdLaunch, SimdProgram } from '../../../devices/simd/kernel.ts';
import { COLUMN_BYTES } from '../../../devices/simd/tile.ts';
import type { Geometry } from '../geometry.ts';
import { POINTS, patchBytes, pitchBytes, pitchFloats, planeBytes, planesFloats, type Tiling, tilingOf } from './tiling.ts';
import { kernelSlopeMap, TRANSFORM_BYTES, transformSquare } from './transforms.ts';
import { SOURCE_PARAMETERS, sourceArguments, sourceOf } from './winograd.ts';
import { multiplySlopes, transformInput, transformSlope } from './winogradKernels.ts';

/** Chunks of tiles at most, and floats that their sums may take together. */
const MAX_CHUNKS = 16;
const CHUNK_FLOATS = 2 ** 22;
/** Fewer chunks would leave threads idle. */
const MIN_CHUNKS = 4;
/** Tiles, and panels, of a task where stages are launches. */
const STAGE_TILES = 8;
const STAGE_PANELS = 2;
/** Channels of a task that sums chunks. */
const SUM_CHANNELS = 16;

const [SUMS, INPUTS, TRANSFORMED] = [{ scratch: 0 }, { scratch: 1 }, { scratch: 2 }] as const;

export function winogradWeightGradient({ n, c, h, w, o, y, x, padding }: Geometry): SimdProgram {
  const tiling = tilingOf(n, [y, x], c, o);
  const { total, columns, block } = tiling;
  const sums = planesFloats(c, columns);
  const fitting = Math.min(MAX_CHUNKS, Math.floor(CHUNK_FLOATS / sums), Math.ceil(total / block));
  const staged = fitting < MIN_CHUNKS;
  // As many chunks as have tiles: each begins its sums itself.
  const chunks = staged ? 1 : Math.ceil(total / Math.ceil(total / fitting));
  const walks = {
    input: sourceArguments(tiling, { n, c, h, w }, padding),
    slope: sourceArguments(tiling, { n, c: o, h: y, w: x }, [0, 0], { input: 1 }),
  };
  return {
    scratch: [chunks * sums, staged ? planesFloats(total, c) : 1, staged ? planesFloats(total, columns) : 1],
    threadScratch:
      TRANSFORM_BYTES + patchBytes(tiling) + (staged ? 0 : 4 * (planesFloats(block, c) + planesFloats(block, columns))),
    launches: [
      ...(staged ? stageLaunches(tiling, walks) : [chunkLaunch(tiling, chunks, walks)]),
      {
        kernel: weightKernel,
        tasks: Math.ceil(c / SUM_CHANNELS),
        args: [chunks, 4 * sums, c, 4 * o, 4 * pitchFloats(columns), SUMS, 'output'],
      },
    ],
    algorithm: 'winograd F(4x4,3x3)',
  };
}

interface Walks {
  readonly input: SimdLaunch['args'];
  readonly slope: SimdLaunch['args'];
}

function chunkLaunch(tiling: Tiling, chunks: number, { input, slope }: Walks): SimdLaunch {
  const { total, panels, block, channels, columns } = tiling;
  const perChunk = Math.ceil(total / chunks);
  const bytes = 4 * planesFloats(channels, columns);
  return {
    kernel: chunkKernel,
    tasks: chunks,
    args: [perChunk, block, total, panels, channels, bytes, TRANSFORM_BYTES + patchBytes(tiling), ...input, ...slope, SUMS],
  };
}

/** task: a chunk | tiles a chunk | a block | in all | panels | channels | bytes of a chunk's sums | bytes before v | x ... | dy ... | sums */
const chunkKernel: SimdKernel = {
  name: 'winogradWeightGradientChunk',
  parameters: 8 + 2 * SOURCE_PARAMETERS + 1,
  emit: (task, perChunk, block, total, panels, channels, bytes, reserved, ...rest) => {
    const { rows, columns, source: input } = sourceOf(rest.slice(0, SOURCE_PARAMETERS));
    const { source: slope } = sourceOf(rest.slice(SOURCE_PARAMETERS, 2 * SOURCE_PARAMETERS));
    const sums = local(rest[2 * SOURCE_PARAMETERS]!.add(task.mul(bytes!)));
    const end = min(task.add(1).mul(perChunk!), total!);
    const v = local(threadScratch.add(reserved!));
    const rowPitch = pitchBytes(input.pixelBytes);
    const plane = planeBytes(block!, rowPitch);
    const m = local(v.add(plane.mul(POINTS)));
    const pitch = pitchBytes(panels!.mul(COLUMN_BYTES));
    const slopePlane = planeBytes(block!, pitch);
    const sumPlane = planeBytes(channels!, pitch);
    const start = local(task.mul(perChunk!));
    range(start, end, block!, (first) => {
      const count = min(block!, end.sub(first));
      transformInput(rows, columns, input, first, count, { plane, pitch: rowPitch, to: v });
      transformSlope(rows, columns, slope, first, count, { plane: slopePlane, pitch, to: m });
      const adds = local(first.ne(start));
      range(0, POINTS, 1, (point) => {
        const [from, slopes] = [v.add(point.mul(plane)), m.add(point.mul(slopePlane))];
        multiplySlopes(count, channels!, from, rowPitch, panels!, slopes, pitch, sums.add(point.mul(sumPlane)), adds);
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
  parameters: 3 + 2 * SOURCE_PARAMETERS + 2,
  emit: (task, total, panels, ...rest) => {
    const { rows, columns, source: input } = sourceOf(rest.slice(0, SOURCE_PARAMETERS));
    const { source: slope } = sourceOf(rest.slice(SOURCE_PARAMETERS, 2 * SOURCE_PARAMETERS));
    const [inputs, slopes] = rest.slice(2 * SOURCE_PARAMETERS) as [I32Var, I32Var];
    const first = local(task.mul(STAGE_TILES));
    const count = min(total!.sub(first), STAGE_TILES);
    const [rowPitch, pitch] = [pitchBytes(input.pixelBytes), pitchBytes(panels!.mul(COLUMN_BYTES))];
    const v = { plane: planeBytes(total!, rowPitch), pitch: rowPitch, to: inputs.add(first.mul(rowPitch)) };
    const m = { plane: planeBytes(total!, pitch), pitch, to: slopes.add(first.mul(pitch)) };
    transformInput(rows, columns, input, first, count, v);
    transformSlope(rows, columns, slope, first, count, m);
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
    const [rowPitch, pitch] = [pitchBytes(channels!.shl(2)), pitchBytes(panels!.mul(COLUMN_BYTES))];
    const skipped = local(first.mul(COLUMN_BYTES));
    const rows = v!.add(point.mul(planeBytes(total!, rowPitch)));
    const from = m!.add(point.mul(planeBytes(total!, pitch))).add(skipped);
    const to = sums!.add(point.mul(planeBytes(channels!, pitch))).add(skipped);
    multiplySlopes(total!, channels!, rows, rowPitch, count, from, pitch, to, 0);
  },
};

/**
 * dw[o][c][3][3] = G^T du G, the chunks added in order. Channels go innermost: for one o their kernels are neighbours. task: channels |
 * chunks | bytes a chunk | channels | bytes of o | pitch | du | dw
 */
const weightKernel: SimdKernel = {
  name: 'winogradWeightGradientSum',
  parameters: 8,
  emit: (task, chunks, bytes, channels, outputBytes, pitch, sums, output) => {
    const plane = planeBytes(channels!, pitch!);
    const kernelBytes = local(channels!.mul(36));
    const first = local(task.mul(SUM_CHANNELS));
    const last = min(first.add(SUM_CHANNELS), channels!);
    range(0, outputBytes!, 16, (o) => {
      const kernels = local(output!.add(o.shr(2).mul(kernelBytes)));
      range(first, last, 1, (c) => {
        const source = local(sums!.add(c.mul(pitch!)).add(o));
        const target = local(kernels.add(c.mul(36)));
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
    });
  },
};
