/**
 * What an op's simd.ts says to the simd engine: kernels (functions that emit WebAssembly) and a program of launches.
 *
 * A launch is cut into tasks by shapes alone, never by the number of threads: every task writes an output of its own, so that the
 * bits are the same whoever runs it. Launches run one after another, with a barrier between them.
 */
import type { OpCall, OpOptions } from '../../op.ts';
import type { Layout } from '../../plan/layout.ts';
import type { I32Var } from './emit/index.ts';

/** A call with the order in which each array lies. */
export interface SimdCall<Options = OpOptions> extends OpCall<Options> {
  readonly layouts: readonly Layout[];
  readonly outputLayout: Layout;
}

/**
 * One exported function of the plan's module. Equal names mean equal code: what the code depends on belongs into the name. All
 * parameters are 32-bit integers: first the task, then the launch's `args`; arrays come as byte addresses.
 */
export interface SimdKernel {
  readonly name: string;
  /** How many parameters `emit` takes, the task included. */
  readonly parameters: number;
  /** Writes the body; runs once for each module. `func`s that it calls are emitted before it. */
  emit(task: I32Var, ...args: I32Var[]): void;
}

/** An array of the step that is running; its address is passed. */
export type SimdOperand = { readonly input: number } | { readonly scratch: number } | 'output';

export interface SimdLaunch {
  readonly kernel: SimdKernel;
  /** How many times the kernel is called, with task = 0, 1, ..., on whichever thread is free. */
  readonly tasks: number;
  readonly args: readonly (number | SimdOperand)[];
}

export interface SimdProgram {
  /** Sizes, in floats, of arrays that live during this step and are shared by its launches. */
  readonly scratch: readonly number[];
  /** Bytes that each thread needs for itself, at the address in the global `threadScratch`. */
  readonly threadScratch: number;
  readonly launches: readonly SimdLaunch[];
  /** For `explain`: which algorithm was taken, `winograd F(4x4,3x3)`. */
  readonly algorithm?: string;
}
