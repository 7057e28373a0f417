/**
 * The windows of a 2-D pooling: options as users give them, sizes, and the one loop nest that max and average pooling share.
 *
 *     window (y, x) reads row y s - p + i d and column x s - p + j d for every kernel row i and column j that falls inside
 */
import { formatShape, type Shape, ShapeError } from '../../shape.ts';
import type { Pair } from '../conv2d/geometry.ts';

export type { Pair };

/** What both kinds of pooling take; a number stands for both axes. */
export interface PoolOptions {
  /** Height and width of a window. */
  readonly kernelSize: number | Pair;
  /** Rows and columns from one window to the next; kernelSize by default, so that windows lie side by side. */
  readonly stride?: number | Pair;
  /** Rows and columns added on every side, at most half of kernelSize; 0 by default. */
  readonly padding?: number | Pair;
  /** Also takes a last window that begins inside x or its left padding and ends beyond; false by default. */
  readonly ceilMode?: boolean;
}

/** As the ops carry them. */
export type WindowOptions = {
  readonly kernelSize: Pair;
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  readonly ceilMode: boolean;
};

/** Index letters: n image, c channel, h w input row and column, y x output row and column. */
export interface Windows extends WindowOptions {
  readonly n: number;
  readonly c: number;
  readonly h: number;
  readonly w: number;
  readonly y: number;
  readonly x: number;
}

/** Fills in defaults; throws a ShapeError for an option that no input could go with. */
export function windowOptions(op: string, options: PoolOptions & { readonly dilation?: number | Pair }): WindowOptions {
  const kernelSize = pair(op, 'kernelSize', options.kernelSize, 1);
  const padding = pair(op, 'padding', options.padding ?? 0, 0);
  if (padding.some((margin, axis) => margin > kernelSize[axis]! / 2)) {
    throw new ShapeError(op, `padding ${padding} given; it needs to be at most half of kernelSize ${kernelSize}`);
  }
  return {
    kernelSize,
    stride: pair(op, 'stride', options.stride ?? kernelSize, 1),
    padding,
    dilation: pair(op, 'dilation', options.dilation ?? 1, 1),
    ceilMode: options.ceilMode ?? false,
  };
}

function pair(op: string, name: string, value: number | Pair, least: number): Pair {
  const both: Pair = typeof value === 'number' ? [value, value] : value;
  if (both?.length === 2 && both.every((part) => Number.isInteger(part) && part >= least)) return both;
  throw new ShapeError(
    op,
    `${name} ${JSON.stringify(value)} given; it needs to be a whole number of at least ${least}, or a pair of them`,
  );
}

/** The windows over x [n, c, h, w]. Throws a ShapeError where there are none, or where dilation steps over all of a small x. */
export function windowsOf(op: string, shape: Shape, options: WindowOptions): Windows {
  if (shape.length !== 4)
    throw new ShapeError(op, `x needs 4 axes [n, c, h, w], but it has shape ${formatShape(shape)}`, [shape]);
  const [n, c, h, w] = [shape[0]!, shape[1]!, shape[2]!, shape[3]!];
  const windows: Windows = { n, c, h, w, y: outputLength(h, options, 0), x: outputLength(w, options, 1), ...options };
  if (windows.y < 1 || windows.x < 1) fail(op, 'does not fit into the padded x', shape, options);
  if (hasEmptyWindow(h, windows.y, options, 0) || hasEmptyWindow(w, windows.x, options, 1))
    fail(op, 'holds no value of x at some place, since dilation steps over it', shape, options);
  return windows;
}

function fail(op: string, problem: string, shape: Shape, options: WindowOptions): never {
  const { kernelSize, stride, padding, dilation, ceilMode } = options;
  const settings = `stride ${stride}, padding ${padding}, dilation ${dilation}, ceilMode ${ceilMode}`;
  throw new ShapeError(op, `a window of ${kernelSize[0]} x ${kernelSize[1]} ${problem} (x ${formatShape(shape)}, ${settings})`, [
    shape,
  ]);
}

/** PyTorch's: a window that ceilMode adds is dropped again where it would begin in the right padding. */
function outputLength(length: number, options: WindowOptions, axis: 0 | 1): number {
  const [kernel, stride] = [options.kernelSize[axis], options.stride[axis]];
  const [padding, dilation] = [options.padding[axis], options.dilation[axis]];
  const steps = (length + 2 * padding - dilation * (kernel - 1) - 1) / stride;
  if (!options.ceilMode) return Math.floor(steps) + 1;
  const outputs = Math.ceil(steps) + 1;
  return (outputs - 1) * stride >= length + padding ? outputs - 1 : outputs;
}

function hasEmptyWindow(length: number, outputs: number, options: WindowOptions, axis: 0 | 1): boolean {
  for (let output = 0; output < outputs; output++) if (tapsInside(output, length, options, axis).length === 0) return true;
  return false;
}

/** The input rows (axis 0) or columns (axis 1) of one window, ascending. */
function tapsInside(output: number, length: number, options: WindowOptions, axis: 0 | 1): number[] {
  const taps: number[] = [];
  for (let tap = 0; tap < options.kernelSize[axis]; tap++) {
    const at = output * options.stride[axis] - options.padding[axis] + tap * options.dilation[axis];
    if (at >= 0 && at < length) taps.push(at);
  }
  return taps;
}

/** Calls `visit` with the flat indices of each window and each value in it; the values of a window come row by row. */
export function forEachTap(windows: Windows, visit: (output: number, input: number) => void): void {
  const { n, c, h, w, y, x } = windows;
  const rows = Array.from({ length: y }, (_, at) => tapsInside(at, h, windows, 0));
  const columns = Array.from({ length: x }, (_, at) => tapsInside(at, w, windows, 1));
  for (let plane = 0; plane < n * c; plane++) {
    for (let top = 0; top < y; top++) {
      for (let left = 0; left < x; left++) {
        const output = (plane * y + top) * x + left;
        for (const row of rows[top]!) {
          for (const column of columns[left]!) visit(output, (plane * h + row) * w + column);
        }
      }
    }
  }
}

/** What the kernels of every pooling are compiled with. */
export function windowConstants(windows: Windows): Readonly<Record<string, number>> {
  const { c, h, w, y, x, kernelSize, stride, padding, dilation } = windows;
  return {
    channels: c,
    height: h,
    width: w,
    outputHeight: y,
    outputWidth: x,
    kernelHeight: kernelSize[0],
    kernelWidth: kernelSize[1],
    strideY: stride[0],
    strideX: stride[1],
    paddingY: padding[0],
    paddingX: padding[1],
    dilationY: dilation[0],
    dilationX: dilation[1],
    // How many windows overlap at one input row or column, at most.
    windowsY: Math.floor(((kernelSize[0] - 1) * dilation[0]) / stride[0]) + 1,
    windowsX: Math.floor(((kernelSize[1] - 1) * dilation[1]) / stride[1]) + 1,
  };
}
