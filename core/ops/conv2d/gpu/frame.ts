/**
 * Frames, over which the gpu.js kernels walk: images with their padding written out, dealt into phases. Tiles of neighbouring outputs,
 * which a cell makes, lie `step = tile * stride` rows apart, so what all tiles read at the same distance from their first row is every
 * step-th row of an image, a phase; and likewise for columns.
 *
 *     framed[n, c, a, b, row, column] = x[n, c, row * step + a - padding, column * step + b - padding], zero outside
 *
 * Tile (row, column) is position p = row * pitch + column for a pitch that has room for the columns which the last taps reach, so that
 * every tile finds what it reads at p + shift: no division, no test of bounds, and neighbouring tiles read neighbouring elements. The
 * price are the columns between the last tile and the pitch, for which products are computed and dropped.
 */
import type { Geometry, Pair } from '../geometry.ts';

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

/** That output number `lane` of every tile meets the kernel's `tap` at some distance from the tile's first row, or column. */
export interface Meeting {
  readonly lane: number;
  readonly tap: number;
  readonly distance: number;
}

/** The phases along one axis: those of the distances first, first + gap, ... */
interface Phases {
  readonly step: number;
  readonly first: number;
  readonly gap: number;
  readonly count: number;
  /** How many tiles further the farthest meeting lies. */
  readonly beyond: number;
}

export interface Frame {
  /** Vertical and horizontal. */
  readonly phases: readonly [Phases, Phases];
  readonly rows: number;
  readonly pitch: number;
  /** Elements of one channel. */
  readonly area: number;
  /** From the first tile of an image to behind its last. */
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

/** Kernels of more taps read their shifts from an array instead of having lines for each. */
const MAX_PRINTED_TAPS = 64;

export function isPrinted({ kernel }: Correlation): boolean {
  return kernel[0] * kernel[1] <= MAX_PRINTED_TAPS;
}

/**
 * The meetings along an axis for tiles of that length. Where a source is spread, those with the zeros between its rows are left out,
 * if they are the same for all tiles and every tap has lines of its own.
 */
export function meetings(correlation: Correlation, tile: number, axis: 0 | 1): Meeting[] {
  const { kernel, stride, dilation, padding, spread } = correlation;
  const all = Array.from({ length: tile * kernel[axis] }, (_, k) => {
    const [lane, tap] = [Math.floor(k / kernel[axis]), k % kernel[axis]];
    return { lane, tap, distance: lane * stride[axis] + tap * dilation[axis] };
  });
  if ((tile * stride[axis]) % spread[axis] !== 0 || !isPrinted(correlation)) return all;
  return all.filter(({ distance }) => (distance - padding[axis]) % spread[axis] === 0);
}

/** Whether neighbouring outputs read neighbouring elements of the source, and no zeros around or between them. */
export function readsAsItLies({ stride, spread, padding }: Correlation): boolean {
  return [...stride, ...spread].every((each) => each === 1) && padding.every((each) => each === 0);
}

export function frameOf(correlation: Correlation, tile: Pair): Frame {
  const { source, size } = correlation;
  const phases = [phasesOf(correlation, tile, 0), phasesOf(correlation, tile, 1)] as const;
  const tiles: Pair = [Math.ceil(size[0] / tile[0]), Math.ceil(size[1] / tile[1])];
  const [rows, pitch] = [tiles[0] + phases[0].beyond, tiles[1] + phases[1].beyond];
  const inOrder = tile[1] === 1 && (tile[0] === 1 || rows === 1) && rows * phases[0].count === source[0] && pitch === source[1];
  return {
    phases,
    rows,
    pitch,
    area: phases[0].count * phases[1].count * rows * pitch,
    positions: (tiles[0] - 1) * pitch + tiles[1],
    bare: readsAsItLies(correlation) && inOrder,
  };
}

function phasesOf(correlation: Correlation, tile: Pair, axis: 0 | 1): Phases {
  const step = tile[axis] * correlation.stride[axis];
  const distances = meetings(correlation, tile[axis], axis).map(({ distance }) => distance);
  const residues = distances.map((distance) => distance % step);
  const first = Math.min(...residues);
  const gap = residues.reduce((divisor, residue) => commonDivisor(divisor, residue - first), 0) || 1;
  const count = (Math.max(...residues) - first) / gap + 1;
  return { step, first, gap, count, beyond: Math.floor(Math.max(...distances) / step) };
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}

/** Where a tile finds what lies so many rows below and columns beside its first, counted from its position. */
export function shiftOf({ phases, rows, pitch }: Frame, [down, right]: Pair): number {
  const [a, b] = [phaseOf(phases[0], down), phaseOf(phases[1], right)];
  const row = (a * phases[1].count + b) * rows + Math.floor(down / phases[0].step);
  return row * pitch + Math.floor(right / phases[1].step);
}

function phaseOf({ step, first, gap }: Phases, distance: number): number {
  return ((distance % step) - first) / gap;
}
