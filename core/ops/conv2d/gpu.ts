/**
 * Convolution on gpu.js: a matrix product whose one operand, the image unrolled by taps, is never written. Images are framed with
 * their padding (gpu/frame.ts), so that row k = (c, i, j) of that matrix is the frame itself, read from another start:
 *
 *     forward         out[o, p] = sum_{c,i,j} w[o, c, i, j] framed[c, p + shift(i, j)]       p = y * pitch + x, contiguous
 *     input gradient  the same with dy, spread by the stride, for the image, o and c exchanged, and the kernel turned around
 *     weight gradient dw[o, k] = sum_p dy[o, p] framed[c, p + shift(i, j)], in parts (gpu/weightGradient.ts)
 *
 * A cell makes four numbers, a tile of outputs that share most of what they read (gpu/tile.ts); they are unpacked to [n, o, y, x] at the end.
 * Images are taken in chunks, so that every array stays below 2^24.
 *
 * What bounds these kernels is loads. gpu.js has no memory that a workgroup shares, reads arrays a number at a time and returns at most
 * four numbers. For a 3x3 kernel a tile of 2 x 2 outputs loads 16 elements of the image and 9 weights for 36 multiply-adds, 0.7 loads
 * for each; a kernel of one tap, like a matrix product, loads 4 numbers for 4. The weights are one address for all cells along x, which
 * hardware reads once for all of them, and the elements are neighbours of the next cell's. Kernels written for a GPU keep tiles of
 * 4 x 4 or 8 x 8 results in registers, fed from shared memory, and load a quarter to half a number for each multiply-add, most of them
 * from there.
 */
import type { GpuProgram, Operand } from '../../devices/gpu/kernel.ts';
import type { Geometry } from './geometry.ts';
import { backwardCorrelation, type Correlation, forwardCorrelation } from './gpu/frame.ts';
import { type Chunk, unpack } from './gpu/frameKernels.ts';
import { chunksOf, framed, imagesPerChunk, Program } from './gpu/launches.ts';
import { correlate, shiftTable, type WeightOrder } from './gpu/products.ts';
import { type Tiling, tilingOf } from './gpu/tile.ts';

export { weightGradientProgram } from './gpu/weightGradient.ts';

export function forwardProgram(geometry: Geometry): GpuProgram {
  return correlationProgram(forwardCorrelation(geometry), geometry.n, 'straight');
}

export function inputGradientProgram(geometry: Geometry): GpuProgram {
  return correlationProgram(backwardCorrelation(geometry), geometry.n, 'turned');
}

/** Chunk after chunk: frame, correlate, unpack into the output, which passes from chunk to chunk. */
function correlationProgram(given: Correlation, n: number, order: WeightOrder): GpuProgram {
  const program = new Program();
  const tiling = tilingOf(given);
  const { correlation, frame, tile } = tiling;
  const quads = (correlation.groups * correlation.outputs) / tile.channels;
  const shifts = tiling.reads === undefined ? [table(program, tiling)] : [];
  let previous: Operand | undefined;
  for (const chunk of chunksOf(n, imagesPerChunk(correlation, frame, 4 * quads * frame.positions, n))) {
    const product = program.launch({
      kernel: correlate(tiling, order, frame.bare ? chunk.first : 0),
      constants: {},
      inputs: [{ input: 1 }, framed(program, correlation, frame, chunk), ...shifts],
      cells: [frame.positions, quads, chunk.images],
    });
    previous = unpacked(program, tiling, chunk, n, product, previous);
  }
  return program.built;
}

function table(program: Program, tiling: Tiling): Operand {
  const { kernel } = tiling.correlation;
  const cells = [(kernel[0] * kernel[1] * 4) / tiling.tile.channels];
  return program.launch({ kernel: shiftTable(tiling), constants: {}, inputs: [], cells });
}

function unpacked(
  program: Program,
  tiling: Tiling,
  chunk: Chunk,
  n: number,
  product: Operand,
  previous: Operand | undefined,
): Operand {
  const { groups, outputs, size } = tiling.correlation;
  const inputs = chunk.images === n ? [product] : [product, previous ?? product];
  const cells = [size[1], groups * outputs * size[0], n];
  const isLast = chunk.first + chunk.images === n;
  return program.launch({ kernel: unpack(tiling, chunk, n), constants: {}, inputs, cells }, isLast ? 'output' : undefined);
}
