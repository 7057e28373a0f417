/**
 * Max pooling and the two ops that close it under differentiation. a(n,c,y,x) is the place (h, w) of the maximum of x over window
 * (y, x), the first one, row by row, where several are equal:
 *
 *     maxPool2d  y[n,c,y,x]  = max_{i,j} x[n, c, y s + i d - p, x s + j d - p] = x[n,c, a(n,c,y,x)]        padding counts as -infinity
 *     scatter    dx[n,c,h,w] = sum_{y,x : a(n,c,y,x) = (h,w)} dy[n,c,y,x]
 *     gather     y[n,c,y,x]  = t[n,c, a(n,c,y,x)]
 *
 * Scatter is linear in dy and gather in t, each the other's adjoint; by x they are piecewise constant and have no gradient.
 */
import { type Op, record } from '../../op.ts';
import { formatShape, type Shape, ShapeError, sameShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { gatherProgram, maxProgram, scatterProgram } from './gpu.ts';
import * as simd from './simd.ts';
import {
  forEachTap,
  type Pair,
  type PoolOptions,
  type WindowOptions,
  type Windows,
  windowOptions,
  windowsOf,
} from './windows.ts';

/** Options of maxPool2d; a number stands for both axes. */
export interface MaxPool2dOptions extends PoolOptions {
  /** Rows and columns from one value that a window reads to the next; 1 by default. */
  readonly dilation?: number | Pair;
}

const maxPool2dOp: Op<WindowOptions> = {
  name: 'maxPool2d',
  inputs: ['x'],
  shape: ([x], options) => pooledShape('maxPool2d', x!, options),
  reference: ({ inputs: [x], output, shapes, options }) => {
    argmax(windowsOf('maxPool2d', shapes[0]!, options), x!).forEach((input, at) => {
      output[at] = x![input]!;
    });
  },
  gradient: ({ inputs: [x], dy, options }) => [() => record(scatterOp, [dy, x!], options)],
  gpu: ({ shapes, options }) => maxProgram(windowsOf('maxPool2d', shapes[0]!, options)),
  simd: ({ shapes, options }) => simd.maxProgram(windowsOf('maxPool2d', shapes[0]!, options)),
  layout: simd.poolLayout,
};

const scatterOp: Op<WindowOptions> = {
  name: 'maxPool2dScatter',
  inputs: ['dy', 'x'],
  shape: ([dy, x], options) => {
    const pooled = pooledShape('maxPool2dScatter', x!, options);
    if (!sameShape(dy!, pooled)) refuse('maxPool2dScatter', `dy needs shape ${formatShape(pooled)}`, { dy: dy!, x: x! });
    return x!;
  },
  reference: ({ inputs: [dy, x], output, shapes, options }) => {
    output.fill(0);
    argmax(windowsOf('maxPool2dScatter', shapes[1]!, options), x!).forEach((input, at) => {
      output[input]! += dy![at]!;
    });
  },
  gradient: ({ inputs: [, x], dy: ddx, options }) => [() => record(gatherOp, [ddx, x!], options), null],
  gpu: ({ shapes, options }) => scatterProgram(windowsOf('maxPool2dScatter', shapes[1]!, options)),
  simd: ({ shapes, options }) => simd.scatterProgram(windowsOf('maxPool2dScatter', shapes[1]!, options)),
  layout: simd.poolLayout,
};

const gatherOp: Op<WindowOptions> = {
  name: 'maxPool2dGather',
  inputs: ['t', 'x'],
  shape: ([t, x], options) => {
    if (!sameShape(t!, x!)) refuse('maxPool2dGather', "t needs x's shape", { t: t!, x: x! });
    return pooledShape('maxPool2dGather', x!, options);
  },
  reference: ({ inputs: [t, x], output, shapes, options }) => {
    argmax(windowsOf('maxPool2dGather', shapes[1]!, options), x!).forEach((input, at) => {
      output[at] = t![input]!;
    });
  },
  gradient: ({ inputs: [, x], dy, options }) => [() => record(scatterOp, [dy, x!], options), null],
  gpu: ({ shapes, options }) => gatherProgram(windowsOf('maxPool2dGather', shapes[1]!, options)),
  simd: ({ shapes, options }) => simd.gatherProgram(windowsOf('maxPool2dGather', shapes[1]!, options)),
  layout: simd.poolLayout,
};

function pooledShape(op: string, shape: Shape, options: WindowOptions): Shape {
  const { n, c, y, x } = windowsOf(op, shape, options);
  return [n, c, y, x];
}

function refuse(op: string, problem: string, shapes: Readonly<Record<string, Shape>>): never {
  const given = Object.entries(shapes).map(([name, shape]) => `${name} ${formatShape(shape)}`);
  throw new ShapeError(op, `${problem} (${given.join(', ')})`, Object.values(shapes));
}

/** For each window the flat index of its first maximum. */
function argmax(windows: Windows, x: Float64Array): Int32Array {
  const best = new Int32Array(windows.n * windows.c * windows.y * windows.x).fill(-1);
  forEachTap(windows, (output, input) => {
    const sofar = best[output]!;
    if (sofar < 0 || isLarger(x[input]!, x[sofar]!)) best[output] = input;
  });
  return best;
}

/** The first NaN counts as the largest value. */
function isLarger(value: number, most: number): boolean {
  return value > most || (Number.isNaN(value) && !Number.isNaN(most));
}

/**
 * The largest value of each window, as PyTorch's max_pool2d: x [n, c, h, w] gives [n, c, y, x] with
 * y = floor((h + 2 padding - dilation (kernelSize - 1) - 1) / stride) + 1, or ceil with ceilMode. At ties the first maximum of a
 * window, row by row, gets the gradient. Throws a ShapeError when x has other axes, no window fits, or an option is out of range.
 */
export function maxPool2d(x: Tensor, options: MaxPool2dOptions): Tensor {
  return record(maxPool2dOp, [x], windowOptions('maxPool2d', options));
}

/** dy [n, c, y, x] put where the maximum of each window of x was, added up where windows share one: the gradient of maxPool2d. */
export function maxPool2dScatter(dy: Tensor, x: Tensor, options: MaxPool2dOptions): Tensor {
  return record(scatterOp, [dy, x], windowOptions('maxPool2dScatter', options));
}

/** t, of x's shape, read where each window of x has its maximum. */
export function maxPool2dGather(t: Tensor, x: Tensor, options: MaxPool2dOptions): Tensor {
  return record(gatherOp, [t, x], windowOptions('maxPool2dGather', options));
}
