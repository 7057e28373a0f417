/**
 * Frames, over which the gpu.js kernels walk: images with their padding written out, cut by the stride into phases.
 *
 *     framed[n, c, a, b, row, column] = x[n, c, row * stride + a - padding, column * stride + b - padding], zero outside
 *
 * Position (y, x) is p = y * pitch + x for a pitch that has room for the columns which the last taps reach, so that every position
 * finds tap (i, j) at p + shift(i, j): no division, no test of bounds, and neighbouring positions read neighbouring elements. The
 * price are the columns between x and the pitch, for which products are computed and dropped.
 */
import type { Geometry, Pair } from './geometry.ts';

/** One of the sums of conv2d.ts over taps, as the kernels see it. */
export interface Correlation {
  /** Of the arrays read: all channels, groups, rows, columns. */
  readonly channels: number;
  readonly groups: number;
  readonly source: Pair;
  /** Output channels of a group, and output rows and columns. */
  readonly outputs: number;
  readonly size: Pair;
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly padding: Pair;
  /** Zeros between the rows and columns of the source, plus one: the stride of the convolution whose gradient this is. */
  readonly spread: Pair;
}

export interface Frame {
  readonly phases: Pair;
  readonly rows: number;
  readonly pitch: number;
  /** Elements of one channel. */
  readonly area: number;
  /** From the first position of an image to behind its last. */
  readonly positions: number;
  /** Whether the source is such a frame as it is. */
  readonly bare: boolean;
}

export function forwardCorrelation({ c, h, w, o, i, j, y, x, groups, ...options }: Geometry): Correlation {
  const sizes = { channels: c, groups, outputs: o / groups, source: [h, w], size: [y, x], kernel: [i, j] } as const;
  const { stride, dilation, padding } = options;
  return { ...sizes, stride, dilation, padding, spread: [1, 1] };
}

/** The input gradient: dy spread by the stride meets the weights turned around. */
export function backwardCorrelation({ c, h, w, o, i, j, y, x, groups, ...options }: Geometry): Correlation {
  const sizes = { channels: o, groups, outputs: c / groups, source: [y, x], size: [h, w], kernel: [i, j] } as const;
  const { stride, dilation, padding } = options;
  const turned: Pair = [(i - 1) * dilation[0] - padding[0], (j - 1) * dilation[1] - padding[1]];
  return { ...sizes, stride: [1, 1], dilation, padding: turned, spread: stride };
}

export function frameOf(correlation: Correlation): Frame {
  const { size, stride, padding, spread } = correlation;
  const [vertical, horizontal] = [reachOf(correlation, 0), reachOf(correlation, 1)];
  const [rows, pitch] = [size[0] + vertical.beyond, size[1] + horizontal.beyond];
  const phases: Pair = [vertical.phases, horizontal.phases];
  return {
    phases,
    rows,
    pitch,
    area: phases[0] * phases[1] * rows * pitch,
    positions: (size[0] - 1) * pitch + size[1],
    bare: [...stride, ...spread].every((each) => each === 1) && padding.every((each) => each === 0),
  };
}

/** Along one axis: how many phases taps lie in, and how many rows of a phase beyond the outputs they reach. */
function reachOf({ kernel, stride, dilation }: Correlation, axis: 0 | 1): { readonly phases: number; readonly beyond: number } {
  const distances = Array.from({ length: kernel[axis] }, (_, tap) => tap * dilation[axis]);
  return {
    phases: Math.max(...distances.map((distance) => distance % stride[axis])) + 1,
    beyond: Math.floor(distances.at(-1)! / stride[axis]),
  };
}

/** shift(i, j) of every tap, in the order of the weights. */
export function shiftsOf({ kernel, stride, dilation }: Correlation, { phases, rows, pitch }: Frame): number[] {
  return Array.from({ length: kernel[0] * kernel[1] }, (_, tap) => {
    const row = Math.floor(tap / kernel[1]) * dilation[0];
    const column = (tap % kernel[1]) * dilation[1];
    const phase = (row % stride[0]) * phases[1] + (column % stride[1]);
    return (phase * rows + Math.floor(row / stride[0])) * pitch + Math.floor(column / stride[1]);
  });
}
