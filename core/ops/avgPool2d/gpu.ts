/**
 * Average pooling on gpu.js. Cells are [x, (c, y), n], so that divisions by sizes are uniform along x, the contiguous index:
 *
 *     average   for i, j inside:  total += x[n, c, top + i, left + j];  result = total / (rows * columns)
 *     spread    for the windows that contain (h, w):  total += dy[window] / (rows * columns)
 *
 * A mean over rows and columns is the mean over rows of means over columns, even where windows are cut off at the edges; a window
 * of more than 4,096 values is taken in these two stages.
 */
import {
  type GpuProgram,
  type Kernel,
  type KernelThis,
  kernel,
  type Launch,
  MAX_REDUCTION,
  type Operand,
} from '../../devices/gpu/kernel.ts';
import { type Pair, type Windows, windowConstants } from '../maxPool2d/windows.ts';

export interface AverageWindows extends Windows {
  /** How far beyond x rows and columns are counted: the padding or nothing. */
  readonly margin: Pair;
}

const average = kernel('average', function (this: KernelThis, x: Float32Array) {
  const channel = idiv(this.thread.y, this.constants.outputHeight!);
  const top = (this.thread.y - channel * this.constants.outputHeight!) * this.constants.strideY! - this.constants.paddingY!;
  const left = this.thread.x * this.constants.strideX! - this.constants.paddingX!;
  const plane = (this.thread.z * this.constants.channels! + channel) * this.constants.height!;
  let total = 0.0;
  for (let i = 0; i < this.constants.kernelHeight!; i++) {
    const row = top + i;
    if (row >= 0) {
      if (row < this.constants.height!) {
        for (let j = 0; j < this.constants.kernelWidth!; j++) {
          const column = left + j;
          if (column >= 0) {
            if (column < this.constants.width!) {
              total += x[(plane + row) * this.constants.width! + column]!;
            }
          }
        }
      }
    }
  }
  const bottom = Math.min(top + this.constants.kernelHeight!, this.constants.height! + this.constants.marginY!);
  const right = Math.min(left + this.constants.kernelWidth!, this.constants.width! + this.constants.marginX!);
  const rows = bottom - Math.max(top, 0.0 - this.constants.marginY!);
  const columns = right - Math.max(left, 0.0 - this.constants.marginX!);
  return total / (rows * columns);
});

/** Cell: input column x, channel and input row y, image z. Windows are counted back from the last that begins at or before. */
const spread = kernel('spread', function (this: KernelThis, dy: Float32Array) {
  const channel = idiv(this.thread.y, this.constants.height!);
  const h = this.thread.y - channel * this.constants.height!;
  const lastY = idiv(h + this.constants.paddingY!, this.constants.strideY!);
  const lastX = idiv(this.thread.x + this.constants.paddingX!, this.constants.strideX!);
  const plane = (this.thread.z * this.constants.channels! + channel) * this.constants.outputHeight!;
  let total = 0.0;
  for (let v = 0; v < this.constants.windowsY!; v++) {
    const y = lastY - v;
    const top = y * this.constants.strideY! - this.constants.paddingY!;
    const bottom = Math.min(top + this.constants.kernelHeight!, this.constants.height! + this.constants.marginY!);
    const rows = bottom - Math.max(top, 0.0 - this.constants.marginY!);
    if (y >= 0) {
      if (y < this.constants.outputHeight!) {
        if (h < bottom) {
          for (let u = 0; u < this.constants.windowsX!; u++) {
            const x = lastX - u;
            const left = x * this.constants.strideX! - this.constants.paddingX!;
            const right = Math.min(left + this.constants.kernelWidth!, this.constants.width! + this.constants.marginX!);
            const columns = right - Math.max(left, 0.0 - this.constants.marginX!);
            if (x >= 0) {
              if (x < this.constants.outputWidth!) {
                if (this.thread.x < right) {
                  total += dy[(plane + y) * this.constants.outputWidth! + x]! / (rows * columns);
                }
              }
            }
          }
        }
      }
    }
  }
  return total;
});

export function averageProgram(windows: AverageWindows): GpuProgram {
  const outputs = ({ n, c, y, x }: AverageWindows): number[] => [x, c * y, n];
  return program(average, isLong(windows) ? [alongX(windows), alongY(windows)] : [windows], outputs);
}

export function spreadProgram(windows: AverageWindows): GpuProgram {
  const inputs = ({ n, c, h, w }: AverageWindows): number[] => [w, c * h, n];
  return program(spread, isLong(windows) ? [alongY(windows), alongX(windows)] : [windows], inputs);
}

function isLong({ kernelSize }: AverageWindows): boolean {
  return kernelSize[0] * kernelSize[1] > MAX_REDUCTION;
}

/** [h, w] -> [h, x] */
function alongX(windows: AverageWindows): AverageWindows {
  const only = (pair: Pair, other: number): Pair => [other, pair[1]];
  return { ...windows, y: windows.h, ...parts(windows, only) };
}

/** [h, x] -> [y, x] */
function alongY(windows: AverageWindows): AverageWindows {
  const only = (pair: Pair, other: number): Pair => [pair[0], other];
  return { ...windows, w: windows.x, ...parts(windows, only) };
}

function parts({ kernelSize, stride, padding, margin }: AverageWindows, only: (pair: Pair, other: number) => Pair) {
  return { kernelSize: only(kernelSize, 1), stride: only(stride, 1), padding: only(padding, 0), margin: only(margin, 0) };
}

function program(
  step: Kernel,
  stages: readonly AverageWindows[],
  cellsOf: (windows: AverageWindows) => readonly number[],
): GpuProgram {
  const scratch: number[] = [];
  let source: Operand = { input: 0 };
  const launches = stages.map((windows, k): Launch => {
    const cells = cellsOf(windows);
    const isLast = k === stages.length - 1;
    const output: Operand = isLast ? 'output' : { scratch: scratch.push(cells.reduce((size, length) => size * length, 1)) - 1 };
    const constants = { ...windowConstants(windows), marginY: windows.margin[0], marginX: windows.margin[1] };
    const launch: Launch = { kernel: step, constants, inputs: [source], output, cells };
    source = output;
    return launch;
  });
  return { scratch, launches };
}
