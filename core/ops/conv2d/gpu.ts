/**
 * Convolution on gpu.js by im2col and GEMM. All three ops unroll images into a matrix and multiply:
 *
 *     rows[k, p]      what tap k = (c, i, j) reads at position p = (n, y, x); zero outside the image       p contiguous
 *     forward         out[o, p] = sum_k w[o, k] rows[k, p]
 *     input gradient  the same with dy for the image, tap k = (o, i, j), and w with o and c exchanged: position (h, w) meets
 *                     dy at ((h + padding - i dilation) / stride, ...) where that divides
 *     weight gradient dw[o, k] = sum_p dy[o, p] rows[k, p], in parts of at most 4,096 positions that are then added
 *
 * A cell of a GEMM makes four output channels, so that one read of `rows` serves four products; weights are packed [o / 4, k, 4]
 * for it and the result [o / 4, p, 4] is unpacked to [n, o, y, x]. Images are taken in chunks, so that `rows` stays below 2^24.
 */
import { type GpuProgram, type Kernel, type Launch, MAX_ELEMENTS, MAX_REDUCTION } from '../../devices/gpu/kernel.ts';
import type { Geometry } from './geometry.ts';
import { addParts, im2col, im2colSpread, multiply, multiplyParts, pack, packTransposed, unpack, unpackInto } from './kernels.ts';

/** Positions decode with floor((p + 0.5) / width), exact in float32 below this many positions an image (kernels.ts). */
const MAX_POSITIONS = 2 ** 20;

/** Collects launches and the scratch arrays between them. */
class Program {
  private readonly scratch: number[] = [];
  private readonly launches: Launch[] = [];

  launch(launch: Omit<Launch, 'output'>, output: Launch['output'] | undefined = undefined): Launch['output'] {
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

interface Unrolled {
  /** Positions of an image, taps of a group, groups, output channels of a group. */
  readonly positions: number;
  readonly taps: number;
  readonly groups: number;
  readonly outputs: number;
}

/** What the forward pass multiplies. */
function forwardSizes({ c, o, i, j, y, x, groups }: Geometry): Unrolled {
  return { positions: y * x, taps: (c / groups) * i * j, groups, outputs: o / groups };
}

/** The same for the input gradient: images are dy, outputs are input channels. */
function backwardSizes({ c, o, i, j, h, w, groups }: Geometry): Unrolled {
  return { positions: h * w, taps: (o / groups) * i * j, groups, outputs: c / groups };
}

export function forwardProgram(geometry: Geometry): GpuProgram {
  const program = new Program();
  const sizes = forwardSizes(geometry);
  const packed = packWeights(program, sizes, pack, geometry);
  convolve(program, sizes, geometry, packed, (first, images) => unroll(program, geometry, sizes, first, images, 0));
  return program.built;
}

export function inputGradientProgram(geometry: Geometry): GpuProgram {
  const program = new Program();
  const sizes = backwardSizes(geometry);
  const packed = packWeights(program, sizes, packTransposed, geometry);
  const { o, i, j, y, x, w, stride, padding, dilation } = geometry;
  convolve(program, sizes, geometry, packed, (first, images) =>
    program.launch({
      kernel: im2colSpread,
      constants: {
        first,
        channels: o,
        taps: i * j,
        kw: j,
        width: w,
        sourceHeight: y,
        sourceWidth: x,
        strideY: stride[0],
        strideX: stride[1],
        paddingY: padding[0],
        paddingX: padding[1],
        dilationY: dilation[0],
        dilationX: dilation[1],
      },
      inputs: [{ input: 0 }],
      cells: [sizes.positions, images, o * i * j],
    }),
  );
  return program.built;
}

function packWeights(
  program: Program,
  { taps, groups, outputs }: Unrolled,
  kernel: Kernel,
  { c, i, j }: Geometry,
): Launch['output'] {
  const quads = Math.ceil(outputs / 4);
  return program.launch({
    kernel,
    constants: { taps, outputs, area: i * j, channels: c / groups },
    inputs: [{ input: 1 }],
    cells: [4 * taps, quads, groups],
  });
}

/** rows[c i j, n y x] of the images first .. first + images. */
function unroll(
  program: Program,
  { c, h, w, i, j, x, stride, padding, dilation }: Geometry,
  sizes: Unrolled,
  first: number,
  images: number,
  input: number,
): Launch['output'] {
  return program.launch({
    kernel: im2col,
    constants: {
      first,
      channels: c,
      taps: i * j,
      kw: j,
      width: x,
      sourceHeight: h,
      sourceWidth: w,
      strideY: stride[0],
      strideX: stride[1],
      paddingY: padding[0],
      paddingX: padding[1],
      dilationY: dilation[0],
      dilationX: dilation[1],
    },
    inputs: [{ input }],
    cells: [sizes.positions, images, c * i * j],
  });
}

/** Chunk after chunk: unroll, multiply, unpack into the output; the output passes from chunk to chunk. */
function convolve(
  program: Program,
  sizes: Unrolled,
  { n }: Geometry,
  packed: Launch['output'],
  rowsOf: (first: number, images: number) => Launch['output'],
): void {
  const { positions, taps, groups, outputs } = sizes;
  const quads = Math.ceil(outputs / 4);
  const perChunk = imagesPerChunk(sizes, n);
  let previous: Launch['output'] | undefined;
  for (let first = 0; first < n; first += perChunk) {
    const images = Math.min(perChunk, n - first);
    const rows = rowsOf(first, images);
    const p = images * positions;
    const product = program.launch({
      kernel: multiply(taps),
      constants: { taps, quads, p },
      inputs: [packed, rows],
      cells: [p, quads * groups],
    });
    const constants = { first, images, positions, quads, outputs, outputsInAll: outputs * groups, p };
    const whole = { constants, cells: [positions, outputs * groups, n] };
    const target = first + images === n ? ('output' as const) : undefined;
    if (previous === undefined && images === n) program.launch({ ...whole, kernel: unpack, inputs: [product] }, 'output');
    else previous = program.launch({ ...whole, kernel: unpackInto, inputs: [product, previous ?? product] }, target);
  }
}

function imagesPerChunk({ positions, taps, groups, outputs }: Unrolled, n: number): number {
  if (positions > MAX_POSITIONS)
    throw new Error(
      `images of ${positions} positions were given, but these kernels take at most ${MAX_POSITIONS}; use smaller images or the device reference`,
    );
  const perImage = positions * groups * Math.max(taps, 4 * Math.ceil(outputs / 4));
  if (perImage > MAX_ELEMENTS)
    throw new Error(
      `unrolling one image takes ${perImage} elements, but kernels index at most ${MAX_ELEMENTS}; use smaller images or the device reference`,
    );
  return Math.min(n, Math.floor(MAX_ELEMENTS / perImage));
}

export function weightGradientProgram(geometry: Geometry): GpuProgram {
  const program = new Program();
  const sizes = forwardSizes(geometry);
  const { positions, taps, groups, outputs } = sizes;
  const quads = Math.ceil(outputs / 4);
  const perChunk = Math.min(imagesPerChunk(sizes, geometry.n), MAX_REDUCTION);
  let previous: Launch['output'] | undefined;
  for (let first = 0; first < geometry.n; first += perChunk) {
    const images = Math.min(perChunk, geometry.n - first);
    const rows = unroll(program, geometry, sizes, first, images, 0);
    const { imagesPerPart, partLength, partsPerImage } = partsOf(images, positions);
    const parts = (images / imagesPerPart) * partsPerImage;
    const constants = {
      first,
      positions,
      taps,
      quads,
      outputs,
      outputsInAll: outputs * groups,
      p: images * positions,
      imagesPerPart,
      partLength,
      partsPerImage,
    };
    const partial = program.launch({
      kernel: multiplyParts(positions, partLength, outputs),
      constants,
      inputs: [{ input: 1 }, rows],
      cells: [taps, quads * groups, parts],
    });
    previous = program.launch(
      {
        kernel: addParts(previous !== undefined),
        constants: { parts, taps, quads, groups, outputs },
        inputs: previous === undefined ? [partial] : [partial, previous],
        cells: [taps, outputs * groups],
      },
      first + images === geometry.n ? 'output' : undefined,
    );
  }
  return program.built;
}

/** Several small images make a part, or several parts a large image; no part is longer than a reduction may be. */
function partsOf(images: number, positions: number): { imagesPerPart: number; partLength: number; partsPerImage: number } {
  if (positions > MAX_REDUCTION) {
    const partsPerImage = Math.ceil(positions / MAX_REDUCTION);
    const partLength = 4 * Math.ceil(positions / partsPerImage / 4);
    return { imagesPerPart: 1, partLength, partsPerImage };
  }
  let imagesPerPart = Math.min(images, Math.floor(MAX_REDUCTION / positions));
  while (images % imagesPerPart !== 0) imagesPerPart--;
  return { imagesPerPart, partLength: positions, partsPerImage: 1 };
}
