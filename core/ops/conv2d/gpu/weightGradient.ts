/**
 * The weight gradient of a convolution on gpu.js: sums over positions, in parts of at most 4,096 that are then added.
 *
 *     dw[o, k] = sum_p dy[o, p] framed[c, p + shift(i, j)]       k = (c, i, j), p = (n, y, x)
 */
import { type GpuProgram, MAX_ELEMENTS, MAX_REDUCTION, type Operand } from '../../../devices/gpu/kernel.ts';
import type { Geometry, Pair } from '../geometry.ts';
import { type Correlation, type Frame, forwardCorrelation, frameOf } from './frame.ts';
import { addParts, turn } from './frameKernels.ts';
import { chunksOf, framed, imagesPerChunk, Program } from './launches.ts';
import { multiplyParts, type Parts, weightTileOf } from './weightProducts.ts';

/** Positions of a part, at least, where images are smaller: many short parts keep a GPU busy. */
const PART = 256;
/** Cells along y: gpu.js starts few more. */
const MAX_PIXELS = 500_000;

export function weightGradientProgram(geometry: Geometry): GpuProgram {
  const program = new Program();
  const given = forwardCorrelation(geometry);
  const { channels, groups, outputs, kernel: window } = given;
  const frame = frameOf(given, [1, 1]);
  const tile = weightTileOf(given, frame);
  const correlation = { ...given, size: linesOf(given, frame) };
  const length = (channels / groups) * window[0] * window[1];
  const [width, height] = [(groups * outputs) / tile.outputs, length / (tile.channels * tile.taps)];
  const dy = turned(program, geometry);
  let previous: Operand | undefined;
  for (const chunk of chunksOf(geometry.n, imagesPerSum(correlation, frame, geometry.n, 4 * width * height))) {
    const parts = partsOf(correlation.size, chunk.images);
    const count = Math.ceil(chunk.images / parts.perPart) * parts.pieces[0] * parts.pieces[1];
    const partial = program.launch({
      kernel: multiplyParts(correlation, frame, tile, parts, chunk.first),
      constants: {},
      inputs: [dy, framed(program, correlation, frame, chunk)],
      cells: [width, height, count],
    });
    previous = program.launch(
      {
        kernel: addParts(correlation, tile, { width, height, count }, previous !== undefined),
        constants: {},
        inputs: previous === undefined ? [partial] : [partial, previous],
        cells: [length, groups * outputs],
      },
      chunk.first + chunk.images === geometry.n ? 'output' : undefined,
    );
  }
  return program.built;
}

/** dy as [n, y, x, o]. */
function turned(program: Program, { n, o, y, x }: Geometry): Operand {
  const [lines, length] = y * x > MAX_PIXELS ? [y, x] : [1, y * x];
  const constants = { channels: o, lines, length };
  return program.launch({ kernel: turn, constants, inputs: [{ input: 1 }], cells: [o, length, n * lines] });
}

/** Output rows and columns; rows that follow one another without a gap in frames too are one row. */
function linesOf({ size: [rows, columns] }: Correlation, { pitch }: Frame): Pair {
  return pitch === columns ? [1, rows * columns] : [rows, columns];
}

/** Images of a chunk: the parts' sums, of `step` elements each, need to fit too. */
function imagesPerSum(correlation: Correlation, frame: Frame, n: number, step: number): number {
  const { perPart, pieces } = partsOf(correlation.size, n);
  const most = Math.floor(MAX_ELEMENTS / (step * pieces[0] * pieces[1])) * perPart;
  return Math.max(1, Math.min(imagesPerChunk(correlation, frame, 0, n), MAX_REDUCTION, most));
}

/** Several small images make a part, or several parts a large image; no part is longer than a reduction may be. */
function partsOf([rows, columns]: Pair, images: number): Parts {
  const bands = Math.ceil(rows / Math.max(1, Math.floor(MAX_REDUCTION / columns)));
  const beside = Math.ceil(columns / MAX_REDUCTION);
  const piece = [Math.ceil(rows / bands), Math.ceil(columns / beside)] as const;
  const perPart = bands * beside > 1 ? 1 : Math.min(images, Math.ceil(PART / (rows * columns)));
  return { images, perPart, piece, pieces: [bands, beside] };
}
