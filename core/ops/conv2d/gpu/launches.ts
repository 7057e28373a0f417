/** What conv2d's programs for gpu.js share: the list of launches as it grows, and images in frames. */
import { type GpuProgram, type Launch, MAX_ELEMENTS, type Operand } from '../../../devices/gpu/kernel.ts';
import type { Correlation, Frame } from './frame.ts';
import { type Chunk, frameImages } from './frameKernels.ts';

/** Collects launches and the scratch arrays between them. */
export class Program {
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

/** `most` images at a time, so that every array stays below 2^24 elements. */
export function chunksOf(n: number, most: number): Chunk[] {
  return Array.from({ length: Math.ceil(n / most) }, (_, k) => ({ first: k * most, images: Math.min(most, n - k * most) }));
}

/** Input 0 of the op in frames; a source that is its own frame is read as it lies, all images of it. */
export function framed(program: Program, correlation: Correlation, frame: Frame, { first, images }: Chunk): Operand {
  if (frame.bare) return { input: 0 };
  const lines = correlation.channels * frame.phases[0].count * frame.phases[1].count * frame.rows;
  const kernel = frameImages(correlation, frame, first);
  return program.launch({ kernel, constants: {}, inputs: [{ input: 0 }], cells: [frame.pitch, lines, images] });
}

/** How many images fit at once, when one is framed and `beside` elements are made of it. */
export function imagesPerChunk({ channels }: Correlation, { area, bare }: Frame, beside: number, n: number): number {
  const perImage = Math.max(bare ? 0 : channels * area, beside);
  if (perImage > MAX_ELEMENTS)
    throw new Error(
      `an image with its padding takes ${perImage} elements, but kernels index at most ${MAX_ELEMENTS}; use smaller images or the device reference`,
    );
  return Math.min(n, Math.floor(MAX_ELEMENTS / perImage));
}
