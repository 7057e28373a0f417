/**
 * What an op's gpu.ts says to the gpu.js drivers: kernels (TypeScript functions or generated source), and a program of launches.
 * The dialect is small: flat arrays in, one cell out (the output is flat and row-major too), constant loop bounds, every path returns, at most 7 arrays. Sources are read
 * with toString(), so a kernel names nothing from outside but `this.thread`, `this.constants` and the global helper `idiv`.
 */
import { plainSource } from './plain-source.ts';

/** What `this` is in a kernel. */
export interface KernelThis {
  /** The cell to compute. */
  readonly thread: {
    /** Runs fastest, over neighbouring elements. */
    readonly x: number;
    /** The same for all x that a backend computes at once. */
    readonly y: number;
    /** The same for all x that a backend computes at once. */
    readonly z: number;
  };
  /** Numbers that are baked into the compiled kernel. */
  readonly constants: Readonly<Record<string, number>>;
}

/** Computes the cell (x, y, z) of `this.thread`; a kernel with 4 lanes returns four neighbouring elements at once. */
export type KernelFunction = (this: KernelThis, ...arrays: Float32Array[]) => number | number[];

export interface Kernel {
  readonly name: string;
  readonly source: string;
  /** Elements written by a cell: those of cell t, counted row-major, are lanes * t, lanes * t + 1, ... */
  readonly lanes: 1 | 4;
}

/** An array of the step that is running. */
export type Operand = { readonly input: number } | { readonly scratch: number } | 'output';

export interface Launch {
  readonly kernel: Kernel;
  /** Baked into the compiled kernel. */
  readonly constants: Readonly<Record<string, number>>;
  readonly inputs: readonly Operand[];
  readonly output: Operand;
  /** How many cells along x, then y, then z: all elements of the output array, cells times lanes, are written. */
  readonly cells: readonly number[];
}

/** The launches of one step, in order, and the sizes of the scratch arrays between them. */
export interface GpuProgram {
  readonly scratch: readonly number[];
  readonly launches: readonly Launch[];
}

/** Element indices are float32 in generated kernels, exact up to here (GPU drivers and webasm alike). */
export const MAX_ELEMENTS = 2 ** 24;

/** Longer reductions run in two stages: float32 sums stay accurate and no GPU watchdog bites. */
export const MAX_REDUCTION = 4096;

declare global {
  /** Exact floor(i / n) for 0 <= i < 2^24: a bare division may become a reciprocal multiply, which rounds 41 / 41 down to 0. */
  function idiv(i: number, n: number): number;
}

export function kernel(name: string, body: KernelFunction | string, lanes: 1 | 4 = 1): Kernel {
  return { name, source: typeof body === 'string' ? body : plainSource(textOf(body)), lanes };
}

/** The source of a function; a method's lacks the word. */
function textOf(body: KernelFunction): string {
  const text = body.toString();
  return text.startsWith('function') ? text : `function ${text}`;
}

/** The usual program: one kernel over all inputs of the op. */
export function single(kernel: Kernel, constants: Launch['constants'], inputs: number, cells: number): GpuProgram {
  return {
    scratch: [],
    launches: [
      { kernel, constants, inputs: Array.from({ length: inputs }, (_, input) => ({ input })), output: 'output', cells: [cells] },
    ],
  };
}
