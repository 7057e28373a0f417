/**
 * Convolution by Winograd's F(4x4, 3x3): forward, and the input gradient as a forward pass with flipped, transposed weights. Weights are
 * transformed once a step. Where there are many tiles, a task takes a block of them through all stages in its thread's memory; where
 * channels are many and tiles few, each stage is a launch over shared arrays, cut by tiles, points and panels.
 */
import { type I32Var, load, local, min, range, store, threadScratch } from '../../../devices/simd/emit/index.ts';
import type { SimdKernel, SimdLaunch, SimdProgram } from '../../../devices/simd/kernel.ts';
import { packedSize, packLaunch, type WeightView } from '../../../devices/simd/pack.ts';
import { COLUMN_BYTES, TILE_COLUMNS } from '../../../devices/simd/tile.ts';
import type { Pair } from '../geometry.ts';
import { type Frame, frame, type Image } from './frame.ts';
import { marginAfter, POINTS, type Tiling, tilingOf } from './tiling.ts';
import { kernelMap, TRANSFORM_BYTES, transformSquare } from './transforms.ts';
import { multiplyTiles, transformInput, transformOutput } from './winogradKernels.ts';

/** Fewer blocks than this would leave threads idle. */
const MIN_BLOCKS = 8;
/** Tiles, and panels, of a task where stages are launches. */
const STAGE_TILES = 8;
const STAGE_PANELS = 4;

const [PACKED, FRAMED, TRANSFORMED] = [{ scratch: 0 }, { scratch: 1 }, { scratch: 2 }] as const;
const [INPUTS, PRODUCTS] = [{ scratch: 3 }, { scratch: 4 }] as const;

export function winogradCorrelation(image: Image, size: Pair, padding: Pair, view: WeightView): SimdProgram {
  const tiling = tilingOf(image.n, size, image.c, view.outputs);
  const { total, channels, panels, columns, block } = tiling;
  const framed = frame(image, { input: 0 }, FRAMED, padding, marginAfter(tiling, [image.h, image.w], padding));
  const staged = total < MIN_BLOCKS * block;
  return {
    scratch: [
      packedSize(view),
      framed.size,
      POINTS * channels * columns,
      staged ? POINTS * total * channels : 1,
      staged ? POINTS * total * columns : 1,
    ],
    threadScratch: TRANSFORM_BYTES + (staged ? 0 : 4 * POINTS * block * (channels + columns)),
    launches: [
      packLaunch(view, { input: 1 }, PACKED),
      {
        kernel: weightKernel,
        tasks: panels * Math.ceil(channels / WEIGHT_CHANNELS),
        args: [panels, channels, PACKED, TRANSFORMED],
      },
      ...framed.launches,
      ...(staged ? stageLaunches(tiling, framed) : [blockLaunch(tiling, framed)]),
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
    const plane = local(panels!.mul(row));
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

/** Tile rows and columns, then how the framed input is walked: byte strides of image, row and pixel, and where it lies. */
function inputArguments({ tiles, channels }: Tiling, { height, width }: Frame): SimdLaunch['args'] {
  return [...tiles, 4 * height * width * channels, 4 * width * channels, 4 * channels, FRAMED];
}

function blockLaunch(tiling: Tiling, framed: Frame): SimdLaunch {
  const { size, total, channels, outputs, panels, block } = tiling;
  return {
    kernel: blockKernel,
    tasks: Math.ceil(total / block),
    args: [
      ...[block, total],
      ...inputArguments(tiling, framed),
      ...[TRANSFORMED, channels * COLUMN_BYTES, panels],
      ...[...size, 4 * outputs, 'output' as const],
    ],
  };
}

type Six = [I32Var, I32Var, I32Var, I32Var, I32Var, I32Var];

/** task: a block | tiles a block | tiles | input ... | u | bytes a panel | panels | output rows | width | bytes a pixel | output */
const blockKernel: SimdKernel = {
  name: 'winogradBlock',
  parameters: 16,
  emit: (task, block, total, ...rest) => {
    const [rows, columns, imageStride, rowStride, pixel, images] = rest.slice(0, 6) as Six;
    const [u, panelBytes, panels, height, width, outputPixel] = rest.slice(6, 12) as Six;
    const first = local(task.mul(block!));
    const count = min(block!, total!.sub(first));
    const v = local(threadScratch.add(TRANSFORM_BYTES));
    const plane = local(block!.mul(pixel));
    const m = local(v.add(plane.mul(POINTS)));
    const pitch = local(panels.mul(COLUMN_BYTES));
    const productPlane = local(block!.mul(pitch));
    transformInput(rows, columns, imageStride, rowStride, pixel, images, first, count, plane, pixel, v);
    range(0, POINTS, 1, (point) => {
      const weights = local(u.add(point.mul(panels).mul(panelBytes)));
      multiplyTiles(count, v.add(point.mul(plane)), pixel, weights, panelBytes, panels, m.add(point.mul(productPlane)), pitch);
    });
    transformOutput(rows, columns, height, width, outputPixel, first, count, productPlane, pitch, m, rest[12]!);
  },
};

function stageLaunches(tiling: Tiling, framed: Frame): SimdLaunch[] {
  const { size, tiles, total, channels, outputs, panels } = tiling;
  const tasks = Math.ceil(total / STAGE_TILES);
  const panelTasks = Math.ceil(panels / STAGE_PANELS);
  return [
    { kernel: inputStage, tasks, args: [total, ...inputArguments(tiling, framed), INPUTS] },
    {
      kernel: productStage,
      tasks: POINTS * panelTasks,
      args: [panelTasks, total, 4 * channels, INPUTS, TRANSFORMED, channels * COLUMN_BYTES, panels, PRODUCTS],
    },
    { kernel: outputStage, tasks, args: [total, ...tiles, ...size, 4 * outputs, 4 * panels * TILE_COLUMNS, PRODUCTS, 'output'] },
  ];
}

/** task: tiles | how many in all | input ... | v */
export const inputStage: SimdKernel = {
  name: 'winogradInputStage',
  parameters: 9,
  emit: (task, total, ...rest) => {
    const [rows, columns, imageStride, rowStride, pixel, images] = rest.slice(0, 6) as Six;
    const first = local(task.mul(STAGE_TILES));
    const count = min(total!.sub(first), STAGE_TILES);
    const to = local(rest[6]!.add(first.mul(pixel)));
    transformInput(rows, columns, imageStride, rowStride, pixel, images, first, count, total!.mul(pixel), pixel, to);
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
    const pitch = local(panels!.mul(COLUMN_BYTES));
    const weights = local(u!.add(point.mul(panels!).add(first).mul(panelBytes!)));
    const to = local(m!.add(point.mul(total!).mul(pitch)).add(first.mul(COLUMN_BYTES)));
    multiplyTiles(total!, v!.add(point.mul(total!).mul(pixel!)), pixel!, weights, panelBytes!, count, to, pitch);
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
    transformOutput(rows!, columns!, height!, width!, pixel!, first, count, total!.mul(pitch!), pitch!, from, output!);
  },
};
