/**
 * Convolution on gpu.js: a matrix product whose one operand, the image unrolled by taps, is never written. Images are framed with
 * their padding (frame.ts), so that row k = (c, i, j) of that matrix is the frame itself, read from another start:
 *
 *     forward         out[o, p] = sum_{c,i,j} w[o, c, i, j] framed[c, p + shift(i, j)]       p = y * pitch + x, contiguous
 *     input gradient  the same with dy, spread by the stride, for the image, o and c exchanged, and the kernel turned around
 *     weight gradient dw[o, k] = sum_p dy[o, p] framed[c, p + shift(i, j)], in parts of at most 4,096 positions that are then added
 *
 * Weights are packed [o / 4, k, 4] for cells of four output channels, and their result [n, o / 4, p, 4] is unpacked to [n, o, y, x].
 * Images are taken in chunks, so that every array stays below 2^24.
 *
 * What bounds these kernels is loads. gpu.js has no memory that a workgroup shares, reads arrays a number at a time and returns at most
 * four numbers, so a cell loads five numbers for four multiply-adds: 0.4 operations a byte, where 20 and more would keep the arithmetic of a
 * GPU busy. Four of the five are one address for all cells along x, which hardware reads once for all of them, and the fifth is the
 * neighbour of the next cell's; so one read a cell counts, and caches serve most of those. Kernels written for a GPU keep tiles of
 * 4 x 4 or 8 x 8 results in registers, fed from shared memory, and load an eighth to a quarter of a number for each multiply-add.
 */
import {
  type GpuProgram,
  type Kernel,
  type Launch,
  MAX_ELEMENTS,
  MAX_REDUCTION,
  type Operand,
} from '../../devices/gpu/kernel.ts';
import { backwardCorrelation, type Correlation, type Frame, forwardCorrelation, frameOf } from './frame.ts';
import { addParts, frame as frameKernel, frameSpread, pack, packTurned, unpack, unpackInto } from './frameKernels.ts';
import type { Geometry, Pair } from './geometry.ts';
import { correlate, MAX_PRINTED_TAPS, multiplyParts, type Parts, shiftTable } from './products.ts';

/** Positions of a part of the weight gradient, at least, where images are smaller: many short parts keep a GPU busy. */
const PART = 256;

/** Collects launches and the scratch arrays between them. */
class Program {
  private readonly scratch: number[] = [];
  private readonly launches: Launch[] = [];

  launch(launch: Omit<Launch, 'output'>, output?: Operand): Operand {
    const target = output ?? {
      scratch: this.scratch.push(launch.cells.reduce((size, length) => size * length, launch.kernel.lanes)) - 1,
    };
    this.launches.push({ ...launch, output: target });
    return target;
  }

  get built(): GpuProgram {
    return { scratch: this.scratch, launches: this.launches };
  }
}

export function forwardProgram(geometry: Geometry): GpuProgram {
  return correlationProgram(forwardCorrelation(geometry), geometry.n, pack);
}

export function inputGradientProgram(geometry: Geometry): GpuProgram {
  return correlationProgram(backwardCorrelation(geometry), geometry.n, packTurned);
}

/** Chunk after chunk: frame, correlate, unpack into the output, which passes from chunk to chunk. */
function correlationProgram(correlation: Correlation, n: number, packing: Kernel): GpuProgram {
  const program = new Program();
  const frame = frameOf(correlation);
  const quads = quadsOf(correlation) * correlation.groups;
  const operands = [packed(program, correlation, packing), ...table(program, correlation, frame)] as const;
  const perChunk = imagesPerChunk(correlation, frame, n);
  let previous: Operand | undefined;
  for (let first = 0; first < n; first += perChunk) {
    const images = Math.min(perChunk, n - first);
    const [weights, ...shifts] = operands;
    const product = program.launch({
      kernel: correlate(correlation, frame, frame.bare ? first : 0),
      constants: {},
      inputs: [weights, framed(program, correlation, frame, first, images), ...shifts],
      cells: [frame.positions, quads, images],
    });
    previous = unpacked(program, correlation, frame, { n, first, images }, product, previous);
  }
  return program.built;
}

function quadsOf({ outputs }: Correlation): number {
  return Math.ceil(outputs / 4);
}

function packed(program: Program, correlation: Correlation, kernel: Kernel): Operand {
  const { channels, groups, outputs, kernel: window } = correlation;
  const taps = window[0] * window[1];
  const perGroup = channels / groups;
  return program.launch({
    kernel,
    constants: { outputs, channels: perGroup, taps, length: perGroup * taps },
    inputs: [{ input: 1 }],
    cells: [4 * perGroup * taps, quadsOf(correlation), groups],
  });
}

function table(program: Program, correlation: Correlation, frame: Frame): Operand[] {
  const taps = correlation.kernel[0] * correlation.kernel[1];
  if (taps <= MAX_PRINTED_TAPS) return [];
  return [program.launch({ kernel: shiftTable(correlation, frame), constants: {}, inputs: [], cells: [taps] })];
}

/** Input 0 of the op in frames; a source that is its own frame is read as it lies, all images of it. */
function framed(program: Program, correlation: Correlation, frame: Frame, first: number, images: number): Operand {
  if (frame.bare) return { input: 0 };
  const { channels, source, padding, stride, spread } = correlation;
  const sizes = { first, channels, height: source[0], width: source[1], rows: frame.rows };
  const edges = { paddingY: padding[0], paddingX: padding[1] };
  const spreads = spread[0] * spread[1] > 1;
  return program.launch({
    kernel: spreads ? frameSpread : frameKernel,
    constants: spreads
      ? { ...sizes, ...edges, spreadY: spread[0], spreadX: spread[1] }
      : { ...sizes, ...edges, strideY: stride[0], strideX: stride[1], phasesY: frame.phases[0], phasesX: frame.phases[1] },
    inputs: [{ input: 0 }],
    cells: [frame.pitch, channels * frame.phases[0] * frame.phases[1] * frame.rows, images],
  });
}

interface Chunk {
  readonly n: number;
  readonly first: number;
  readonly images: number;
}

function unpacked(
  program: Program,
  { groups, outputs, size }: Correlation,
  { positions, pitch }: Frame,
  { n, first, images }: Chunk,
  product: Operand,
  previous: Operand | undefined,
): Operand {
  const quadsOfGroup = Math.ceil(outputs / 4);
  const lines = groups * outputs * size[0];
  const constants = { outputs, quads: quadsOfGroup * groups, quadsOfGroup, positions, pitch, height: size[0] };
  const cells = [size[1], lines, n];
  if (images === n) return program.launch({ kernel: unpack, constants, inputs: [product], cells }, 'output');
  return program.launch(
    {
      kernel: unpackInto,
      constants: { ...constants, first, images, lines, width: size[1] },
      inputs: [product, previous ?? product],
      cells,
    },
    first + images === n ? 'output' : undefined,
  );
}

function imagesPerChunk(correlation: Correlation, { area, positions, bare }: Frame, n: number): number {
  const { channels, groups } = correlation;
  const perImage = Math.max(bare ? 0 : channels * area, positions * groups * 4 * quadsOf(correlation));
  if (perImage > MAX_ELEMENTS)
    throw new Error(
      `an image with its padding takes ${perImage} elements, but kernels index at most ${MAX_ELEMENTS}; use smaller images or the device reference`,
    );
  return Math.min(n, Math.floor(MAX_ELEMENTS / perImage));
}

export function weightGradientProgram(geometry: Geometry): GpuProgram {
  const program = new Program();
  const given = forwardCorrelation(geometry);
  const frame = frameOf(given);
  const correlation = { ...given, size: linesOf(given, frame) };
  const { groups, outputs } = given;
  const length = (geometry.c / groups) * geometry.i * geometry.j;
  const quadsOfGroup = quadsOf(correlation);
  const step = length * 4 * quadsOfGroup * groups;
  const perChunk = imagesPerSum(correlation, frame, geometry.n, step);
  let previous: Operand | undefined;
  for (let first = 0; first < geometry.n; first += perChunk) {
    const images = Math.min(perChunk, geometry.n - first);
    const parts = partsOf(correlation.size, images);
    const count = Math.ceil(images / parts.perPart) * parts.pieces[0] * parts.pieces[1];
    const partial = program.launch({
      kernel: multiplyParts(correlation, frame, parts, first),
      constants: {},
      inputs: [{ input: 1 }, framed(program, correlation, frame, first, images)],
      cells: [length, quadsOfGroup * groups, count],
    });
    previous = program.launch(
      {
        kernel: addParts(previous !== undefined),
        constants: { parts: count, step, length, quadsOfGroup, outputs },
        inputs: previous === undefined ? [partial] : [partial, previous],
        cells: [length, outputs * groups],
      },
      first + images === geometry.n ? 'output' : undefined,
    );
  }
  return program.built;
}

/** Output rows and columns; rows that follow one another without a gap in frames too are one row. */
function linesOf({ size: [rows, columns] }: Correlation, { pitch }: Frame): Pair {
  return pitch === columns ? [1, rows * columns] : [rows, columns];
}

/** Images of a chunk of the weight gradient: the parts' sums, of `step` elements each, need to fit too. */
function imagesPerSum(correlation: Correlation, frame: Frame, n: number, step: number): number {
  const { perPart, pieces } = partsOf(correlation.size, n);
  const most = Math.floor(MAX_ELEMENTS / (step * pieces[0] * pieces[1])) * perPart;
  return Math.max(1, Math.min(imagesPerChunk(correlation, frame, n), MAX_REDUCTION, most));
}

/** Several small images make a part, or several parts a large image; no part is longer than a reduction may be. */
function partsOf([rows, columns]: Pair, images: number): Parts {
  const bands = Math.ceil(rows / Math.max(1, Math.floor(MAX_REDUCTION / columns)));
  const beside = Math.ceil(columns / MAX_REDUCTION);
  const piece = [Math.ceil(rows / bands), Math.ceil(columns / beside)] as const;
  const perPart = bands * beside > 1 ? 1 : Math.min(images, Math.ceil(PART / (rows * columns)));
  return { images, perPart, piece, pieces: [bands, beside] };
}
