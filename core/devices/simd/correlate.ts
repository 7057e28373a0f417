/**
 * The loop of direct convolution: every output pixel is a row of the tile, every 16 output channels its columns, and k walks the taps.
 * For each kernel row the input under the window is one run of kernelWidth * c neighbouring floats (or a run for each tap, where
 * dilation or groups part them), so nothing is gathered: no im2col.
 *
 * Pixels go in blocks whose input stays in the second cache while the panels of weights pass over it.
 */
import { type I32Var, local, min, range, select, span, subroutine, when } from './emit/index.ts';
import type { SimdKernel, SimdLaunch, SimdOperand } from './kernel.ts';
import { COLUMN_BYTES, rankOne, storeTile, TILE_COLUMNS, zeroTile } from './tile.ts';

/** Input that a block of pixels reads, about: half of a small second cache. */
const BLOCK_BYTES = 131072;
/** At least so many tasks where there is work for them. */
const MIN_TASKS = 32;

/** One side of the correlation, strides in elements. */
interface Plane {
  readonly array: SimdOperand;
  readonly offset: number;
  readonly image: number;
  /** From one output row, or pixel, to the next. */
  readonly row: number;
  readonly pixel: number;
  readonly group: number;
}

export interface Correlation {
  readonly images: number;
  readonly size: readonly [number, number];
  readonly groups: number;
  /** Output channels of a group. */
  readonly outputs: number;
  readonly input: Plane;
  readonly output: Plane;
  readonly weights: SimdOperand;
  /** Kernel rows, runs in each, floats in a run, and strides from row to row and from run to run, in elements of the input. */
  readonly taps: {
    readonly rows: number;
    readonly runs: number;
    readonly length: number;
    readonly rowStride: number;
    readonly runStride: number;
  };
}

export function correlateLaunch(correlation: Correlation): SimdLaunch {
  const { images, size, groups, outputs, input, output, weights, taps } = correlation;
  const pixels = size[0] * size[1];
  const block = blockPixels(correlation);
  const blocks = Math.ceil(pixels / block);
  const panel = taps.rows * taps.runs * taps.length * COLUMN_BYTES;
  const plane = ({ array, offset, image, row, pixel, group }: Plane): SimdLaunch['args'] => [
    array,
    ...[offset, image, row, pixel, group].map((each) => 4 * each),
  ];
  return {
    kernel: correlateKernel,
    tasks: images * blocks,
    args: [
      ...[blocks, block, pixels, size[1], groups, outputs],
      ...plane(input),
      ...plane(output),
      ...[weights, panel, taps.rows, taps.runs, 4 * taps.length, 4 * taps.rowStride, 4 * taps.runStride],
    ],
  };
}

/** An even number of pixels: a pair of them is a tile. */
function blockPixels({ images, size, input }: Correlation): number {
  const pixels = size[0] * size[1];
  const cached = Math.floor(BLOCK_BYTES / (4 * Math.max(1, input.pixel)));
  const shared = Math.ceil((pixels * images) / MIN_TASKS);
  return Math.max(2, Math.min(cached, shared, pixels + 1) & ~1);
}

/**
 * task: image and block | blocks | pixels a block | pixels | output width | groups | outputs of a group | input, then output: array,
 * offset, byte strides of image, row, pixel, group | weights | bytes a panel | taps: rows, runs, bytes a run, row and run stride
 */
const correlateKernel: SimdKernel = {
  name: 'correlate',
  parameters: 26,
  emit: (task, ...args) => {
    const [blocks, block, pixels, width, groups, outputs] = args.slice(0, 6) as Six;
    const [x, xOffset, xImage, xRow, xPixel, xGroup] = args.slice(6, 12) as Six;
    const [y, yOffset, yImage, yRow, yPixel, yGroup] = args.slice(12, 18) as Six;
    const [weights, panel, rows, runs, run, rowStride] = args.slice(18, 24) as Six;
    const runStride = args[24]!;
    const image = local(task.div(blocks));
    const first = local(task.sub(image.mul(blocks)).mul(block));
    const last = min(first.add(block), pixels);
    const firstRow = local(first.div(width));
    const firstColumn = local(first.sub(firstRow.mul(width)));
    const panelAt = local(weights);
    range(0, groups, 1, (group) => {
      const input = local(x.add(xOffset).add(image.mul(xImage)).add(group.mul(xGroup)));
      const output = local(y.add(yOffset).add(image.mul(yImage)).add(group.mul(yGroup)));
      range(0, outputs, TILE_COLUMNS, (o) => {
        const left = local(outputs.sub(o));
        const columns = local(output.add(o.shl(2)));
        const [row, column] = [local(firstRow), local(firstColumn)];
        const advance = (): void => {
          column.increase(1);
          when(column.eq(width), () => {
            column.set(0);
            row.increase(1);
          });
        };
        range(first, last, 2, (pixel) => {
          const from = local(input.add(row.mul(xRow)).add(column.mul(xPixel)));
          const to = local(columns.add(row.mul(yRow)).add(column.mul(yPixel)));
          // An odd last pixel is computed twice.
          const paired = local(pixel.add(1).lt(last));
          when(paired, advance);
          const second = local(input.add(row.mul(xRow)).add(column.mul(xPixel)));
          const secondTo = local(columns.add(row.mul(yRow)).add(column.mul(yPixel)));
          advance();
          correlateTile(
            rows,
            runs,
            run,
            rowStride,
            runStride,
            from,
            second.sub(from),
            panelAt,
            to,
            select(paired, secondTo, to),
            left,
          );
        });
        panelAt.increase(panel);
      });
    });
  },
};

type Six = [I32Var, I32Var, I32Var, I32Var, I32Var, I32Var];

/** rows | runs | bytes a run | row stride | run stride | first pixel | distance of the second | panel | where both go | channels */
const correlateTile = subroutine('correlateTile', 11, (...given) => {
  const [rows, runs, run, rowStride, runStride, from] = given as Six;
  const [distance, weights, to, secondTo, left] = given.slice(6) as Five;
  const tile = zeroTile();
  range(0, rows, 1, () => {
    const start = local(from);
    range(0, runs, 1, () => {
      span(start, start.add(run), 4, (at) => {
        rankOne(tile, [at, at.add(distance)], weights);
        weights.increase(COLUMN_BYTES);
      });
      start.increase(runStride);
    });
    from.increase(rowStride);
  });
  storeTile(tile, [to, secondTo], left);
});

type Five = [I32Var, I32Var, I32Var, I32Var, I32Var];
