/**
 * Convolution by Winograd's F(4x4, 3x3): forward, and the input gradient as a forward pass with flipped, transposed weights. Weights are
 * transformed once a step. Where there are many tiles, a task takes a block of them through all stages in its thread's memory; where
 * channels are many and tiles few, each stage is a launch over shared arrays, cut by tiles, points and panels.
 */
import { type I32Var, load, local, min, range, store, threadScratch } from '../../../devices/simd/emit/index.ts';
import type { SimdKernel, SimdLaunch, SimdOperand, SimdProgram } from '../../../devices/simd/kernel.ts';
import { packedSize, packLaunch, type WeightView } from '../../../devices/simd/pack.ts';
import { COLUMN_BYTES, TILE_COLUMNS } from '../../../devices/simd/tile.ts';
import type { Pair } from '../geometry.ts';
import type { Image } from './frame.ts';
import { POINTS, patchBytes, pitchBytes, pitchFloats, planeBytes, planesFloats, type Tiling, tilingOf } from './tiling.ts';
import { kernelMap, TRANSFORM_BYTES, transformSquare } from './transforms.ts';
import { multiplyTiles, type TileSource, transformInput, transformOutput } from './winogradKernels.ts';

/** Fewer blocks than this would leave threads idle. */
const MIN_BLOCKS = 8;
/** Weights of so many channel pairs do not stay in the cache from block to block: they are read once, for all tiles together. */
const STAGE_WEIGHTS = 40000;
/** Beyond so many tiles the arrays between the stages would be too large. */
const STAGE_MAX_TILES = 4096;
/** Tiles, and panels, of a task where stages are launches. */
const STAGE_TILES = 8;
const STAGE_PANELS = 4;

const [PACKED, TRANSFORMED] = [{ scratch: 0 }, { scratch: 1 }] as const;
const [INPUTS, PRODUCTS] = [{ scratch: 2 }, { scratch: 3 }] as const;

export function winogradCorrelation(image: Image, size: Pair, padding: Pair, view: WeightView): SimdProgram {
  const tiling = tilingOf(image.n, size, image.c, view.outputs);
  const { total, channels, panels, columns, block } = tiling;
  const source = sourceArguments(tiling, image, padding);
  const large = channels * columns > STAGE_WEIGHTS && total <= STAGE_MAX_TILES;
  const staged = large || total < MIN_BLOCKS * block;
  return {
    scratch: [
      packedSize(view),
      POINTS * (panels * channels * TILE_COLUMNS + 16),
      staged ? planesFloats(total, channels) : 1,
      staged ? planesFloats(total, columns) : 1,
    ],
    threadScratch:
      TRANSFORM_BYTES + patchBytes(tiling) + (staged ? 0 : 4 * (planesFloats(block, channels) + planesFloats(block, columns))),
    launches: [
      packLaunch(view, { input: 1 }, PACKED),
      {
        kernel: weightKernel,
        tasks: panels * Math.ceil(channels / WEIGHT_CHANNELS),
        args: [panels, channels, PACKED, TRANSFORMED],
      },
      ...(staged ? stageLaunches(tiling, source) : [blockLaunch(tiling, source)]),
    ],
    algorithm: 'winograd F(4x4,3x3)',
  };
}

/** Channels of a task. */
const WEIGHT_CHANNELS = 16;

/** u[36][panel][c][16] = G g G^T from packed[panel][3][3][c][16]. task: panel and channels | panels | channels | packed | u */
const weightKernel: SimdKernel = {
  name: 'winogradWeights',
  parameters: 5,
  emit: (task, panels, channels, packed, u) => {
    const parts = local(channels!.add(WEIGHT_CHANNELS - 1).div(WEIGHT_CHANNELS));
    const panel = local(task.div(parts));
    const first = local(task.sub(panel.mul(parts)).mul(WEIGHT_CHANNELS));
    const row = local(channels!.mul(COLUMN_BYTES));
    const plane = planeBytes(panels!, row);
    range(first, min(first.add(WEIGHT_CHANNELS), channels!), 1, (c) => {
      range(0, COLUMN_BYTES, 16, (lane) => {
        const within = local(c.mul(COLUMN_BYTES).add(lane));
        const source = local(packed!.add(panel.mul(row).mul(9)).add(within));
        const target = local(u!.add(panel.mul(row)).add(within));
        transformSquare(
          kernelMap,
          3,
          6,
          (j) => [0, 3, 6].map((tap) => load(source.add(j.add(tap).mul(row)))),
          (i, values) => {
            const at = local(target.add(i.mul(6).mul(plane)));
            values.forEach((value, k) => {
              store(at, value);
              if (k < 5) at.increase(plane);
            });
          },
        );
      });
    });
  },
};

/** Tile rows and columns, then how a transform walks the images. */
export function sourceArguments(
  { tiles }: Tiling,
  { h, w, c }: Image,
  before: Pair,
  images: SimdOperand = { input: 0 },
): SimdLaunch['args'] {
  return [...tiles, h, w, ...before, 4 * c, images];
}

/** The same as a kernel finds them: eight parameters. */
export const SOURCE_PARAMETERS = 8;
export function sourceOf(given: readonly I32Var[]): { rows: I32Var; columns: I32Var; source: TileSource } {
  const [rows, columns, height, width, beforeRows, beforeColumns] = given as Six;
  const [pixelBytes, images] = given.slice(6) as [I32Var, I32Var];
  return { rows, columns, source: { height, width, beforeRows, beforeColumns, pixelBytes, images } };
}

function blockLaunch(tiling: Tiling, source: SimdLaunch['args']): SimdLaunch {
  const { size, total, channels, outputs, panels, block } = tiling;
  return {
    kernel: blockKernel,
    tasks: Math.ceil(total / block),
    args: [
      ...[block, total, TRANSFORM_BYTES + patchBytes(tiling)],
      ...source,
      ...[TRANSFORMED, channels * COLUMN_BYTES, panels],
      ...[...size, 4 * outputs, 'output' as const],
    ],
  };
}

type Six = [I32Var, I32Var, I32Var, I32Var, I32Var, I32Var];

/** task: a block | tiles a block | tiles | bytes before v | source ... | u | bytes a panel | panels | output rows | width | pixel | output */
const blockKernel: SimdKernel = {
  name: 'winogradBlock',
  parameters: 4 + SOURCE_PARAMETERS + 7,
  emit: (task, block, total, reserved, ...rest) => {
    const { rows, columns, source } = sourceOf(rest.slice(0, SOURCE_PARAMETERS));
    const [u, panelBytes, panels, height, width, outputPixel] = rest.slice(SOURCE_PARAMETERS) as Six;
    const output = rest[SOURCE_PARAMETERS + 6]!;
    const first = local(task.mul(block!));
    const count = min(block!, total!.sub(first));
    const v = local(threadScratch.add(reserved!));
    const rowPitch = pitchBytes(source.pixelBytes);
    const plane = planeBytes(block!, rowPitch);
    const m = local(v.add(plane.mul(POINTS)));
    const pitch = pitchBytes(panels.mul(COLUMN_BYTES));
    const productPlane = planeBytes(block!, pitch);
    const weightPlane = planeBytes(panels, panelBytes);
    transformInput(rows, columns, source, first, count, { plane, pitch: rowPitch, to: v });
    range(0, POINTS, 1, (point) => {
      const [from, to] = [v.add(point.mul(plane)), m.add(point.mul(productPlane))];
      multiplyTiles(count, from, rowPitch, source.pixelBytes, u.add(point.mul(weightPlane)), panelBytes, panels, to, pitch);
    });
    transformOutput(rows, columns, height, width, outputPixel, first, count, productPlane, pitch, m, output);
  },
};

function stageLaunches(tiling: Tiling, source: SimdLaunch['args']): SimdLaunch[] {
  const { size, tiles, total, channels, outputs, panels, columns } = tiling;
  const tasks = Math.ceil(total / STAGE_TILES);
  const panelTasks = Math.ceil(panels / STAGE_PANELS);
  return [
    { kernel: inputStage, tasks, args: [total, ...source, INPUTS] },
    {
      kernel: productStage,
      tasks: POINTS * panelTasks,
      args: [panelTasks, total, 4 * channels, INPUTS, TRANSFORMED, channels * COLUMN_BYTES, panels, PRODUCTS],
    },
    { kernel: outputStage, tasks, args: [total, ...tiles, ...size, 4 * outputs, 4 * pitchFloats(columns), PRODUCTS, 'output'] },
  ];
}

/** task: tiles | how many in all | source ... | v */
const inputStage: SimdKernel = {
  name: 'winogradInputStage',
  parameters: 2 + SOURCE_PARAMETERS + 1,
  emit: (task, total, ...rest) => {
    const { rows, columns, source } = sourceOf(rest.slice(0, SOURCE_PARAMETERS));
    const first = local(task.mul(STAGE_TILES));
    const count = min(total!.sub(first), STAGE_TILES);
    const pitch = pitchBytes(source.pixelBytes);
    const to = local(rest[SOURCE_PARAMETERS]!.add(first.mul(pitch)));
    transformInput(rows, columns, source, first, count, { plane: planeBytes(total!, pitch), pitch, to });
  },
};

/** task: a point and panels | tasks a point | tiles | bytes of v's tiles | v | u | bytes a panel | panels | m */
const productStage: SimdKernel = {
  name: 'winogradProductStage',
  parameters: 9,
  emit: (task, panelTasks, total, pixel, v, u, panelBytes, panels, m) => {
    const point = local(task.div(panelTasks!));
    const first = local(task.sub(point.mul(panelTasks!)).mul(STAGE_PANELS));
    const count = min(panels!.sub(first), STAGE_PANELS);
    const [rowPitch, pitch] = [pitchBytes(pixel!), pitchBytes(panels!.mul(COLUMN_BYTES))];
    const weights = u!.add(point.mul(planeBytes(panels!, panelBytes!))).add(first.mul(panelBytes!));
    const from = v!.add(point.mul(planeBytes(total!, rowPitch)));
    const to = m!.add(point.mul(planeBytes(total!, pitch))).add(first.mul(COLUMN_BYTES));
    multiplyTiles(total!, from, rowPitch, pixel!, weights, panelBytes!, count, to, pitch);
  },
};

/** task: tiles | how many in all | tile rows | tile columns | output rows | width | bytes a pixel | bytes of m's tiles | m | output */
const outputStage: SimdKernel = {
  name: 'winogradOutputStage',
  parameters: 10,
  emit: (task, total, rows, columns, height, width, pixel, pitch, m, output) => {
    const first = local(task.mul(STAGE_TILES));
    const count = min(total!.sub(first), STAGE_TILES);
    const from = local(m!.add(first.mul(pitch!)));
    transformOutput(rows!, columns!, height!, width!, pixel!, first, count, planeBytes(total!, pitch!), pitch!, from, output!);
  },
};
