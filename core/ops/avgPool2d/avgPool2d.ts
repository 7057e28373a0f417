/**
 * Average pooling and its adjoint, each the other's gradient:
 *
 *     avgPool2d       y[n,c,y,x]  = sum_{i,j} x[n, c, y s + i - p, x s + j - p] / (rows(y) columns(x))
 *     input gradient  dx[n,c,h,w] = sum_{y,x,i,j : y s + i - p = h, x s + j - p = w} dy[n,c,y,x] / (rows(y) columns(x))
 *
 * rows(y) counts the rows of window y that lie in x, and with countIncludePad those in the padding too, but never those beyond it.
 */
import { type Op, record } from '../../op.ts';
import { formatShape, type Shape, ShapeError, sameShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { poolLayout } from '../maxPool2d/simd.ts';
import { forEachTap, type Pair, type PoolOptions, type WindowOptions, windowOptions, windowsOf } from '../maxPool2d/windows.ts';
import { mean } from '../reduce/statistics.ts';
import { type AverageWindows, averageProgram, spreadProgram } from './gpu.ts';
import * as simd from './simd.ts';

/** Options of avgPool2d; a number stands for both axes. */
export interface AvgPool2dOptions extends PoolOptions {
  /** Whether the mean counts the zeros of the padding; true by default. */
  readonly countIncludePad?: boolean;
}

type AverageOptions = WindowOptions & { readonly countIncludePad: boolean };
type SpreadOptions = AverageOptions & { readonly inputSize: Pair };

const avgPool2dOp: Op<AverageOptions> = {
  name: 'avgPool2d',
  inputs: ['x'],
  shape: ([x], options) => pooledShape('avgPool2d', x!, options),
  reference: ({ inputs: [x], output, shapes, options }) => {
    output.fill(0);
    forEachShare(averageWindows('avgPool2d', shapes[0]!, options), (out, at, count) => {
      output[out]! += x![at]! / count;
    });
  },
  gradient: ({ inputs: [x], dy, options }) => [() => spread(dy, [x!.shape[2]!, x!.shape[3]!], options)],
  gpu: ({ shapes, options }) => averageProgram(averageWindows('avgPool2d', shapes[0]!, options)),
  simd: ({ shapes, options }) => simd.averageProgram(averageWindows('avgPool2d', shapes[0]!, options)),
  layout: poolLayout,
};

const spreadOp: Op<SpreadOptions> = {
  name: 'avgPool2dInputGradient',
  inputs: ['dy'],
  shape: ([dy], options) => {
    const input = [dy![0]!, dy![1]!, ...options.inputSize];
    const pooled = pooledShape('avgPool2dInputGradient', input, options);
    if (dy!.length === 4 && sameShape(dy!, pooled)) return input;
    const given = `dy ${formatShape(dy!)}, x ${formatShape(input)}`;
    throw new ShapeError('avgPool2dInputGradient', `dy needs shape ${formatShape(pooled)} (${given})`, [dy!, input]);
  },
  reference: ({ inputs: [dy], output, outputShape, options }) => {
    output.fill(0);
    forEachShare(averageWindows('avgPool2dInputGradient', outputShape, options), (out, at, count) => {
      output[at]! += dy![out]! / count;
    });
  },
  gradient: ({ dy: ddx, options: { inputSize: _, ...options } }) => [() => record(avgPool2dOp, [ddx], options)],
  gpu: ({ outputShape, options }) => spreadProgram(averageWindows('avgPool2dInputGradient', outputShape, options)),
  simd: ({ outputShape, options }) => simd.spreadProgram(averageWindows('avgPool2dInputGradient', outputShape, options)),
  layout: poolLayout,
};

function averageWindows(op: string, shape: Shape, options: AverageOptions): AverageWindows {
  const windows = windowsOf(op, shape, options);
  return { ...windows, margin: options.countIncludePad ? windows.padding : [0, 0] };
}

function pooledShape(op: string, shape: Shape, options: AverageOptions): Shape {
  const { n, c, y, x } = windowsOf(op, shape, options);
  return [n, c, y, x];
}

function spread(dy: Tensor, inputSize: Pair, options: AverageOptions): Tensor {
  return record(spreadOp, [dy], { ...options, inputSize });
}

/** `visit` gets each window, each value in it, and by what the window's sum is divided. */
function forEachShare(windows: AverageWindows, visit: (output: number, input: number, count: number) => void): void {
  const { h, w, y, x } = windows;
  const rows = Array.from({ length: y }, (_, at) => countOf(at, h, windows, 0));
  const columns = Array.from({ length: x }, (_, at) => countOf(at, w, windows, 1));
  forEachTap(windows, (output, input) => {
    visit(output, input, rows[Math.floor(output / x) % y]! * columns[output % x]!);
  });
}

function countOf(output: number, length: number, { kernelSize, stride, padding, margin }: AverageWindows, axis: 0 | 1): number {
  const first = output * stride[axis] - padding[axis];
  return Math.min(first + kernelSize[axis], length + margin[axis]) - Math.max(first, -margin[axis]);
}

/**
 * The mean of each window, as PyTorch's avg_pool2d: x [n, c, h, w] gives [n, c, y, x] with
 * y = floor((h + 2 padding - kernelSize) / stride) + 1, or ceil with ceilMode.
 * Throws a ShapeError when x has other axes, no window fits, or an option is out of range.
 */
export function avgPool2d(x: Tensor, options: AvgPool2dOptions): Tensor {
  return record(avgPool2dOp, [x], averageOptions('avgPool2d', options));
}

/** dx for given dy; `inputSize` [h, w] is needed because several input sizes give the same output size. */
export function avgPool2dInputGradient(dy: Tensor, inputSize: Pair, options: AvgPool2dOptions): Tensor {
  return spread(dy, inputSize, averageOptions('avgPool2dInputGradient', options));
}

function averageOptions(op: string, { countIncludePad = true, ...options }: AvgPool2dOptions): AverageOptions {
  return { ...windowOptions(op, options), countIncludePad };
}

/** The mean of each channel: [n, c, h, w] -> [n, c, 1, 1]. Throws a ShapeError when x has other axes. */
export function globalAvgPool2d(x: Tensor): Tensor {
  if (x.shape.length !== 4)
    throw new ShapeError('globalAvgPool2d', `x needs 4 axes [n, c, h, w], but it has shape ${formatShape(x.shape)}`, [x.shape]);
  return mean(x, [2, 3], true);
}
