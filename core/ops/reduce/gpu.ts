/**
 * Reductions on gpu.js. Axes are reduced run by run (a run is neighbouring axes), the innermost first; each run sees its input as
 * [outer, run, inner]:
 *
 *     for each cell (o, i):  result = combine over r of x[(o * run + r) * inner + i]      i contiguous
 *
 * A run longer than 4,096 takes two stages of equal length: cells (o, p, i) combine elements p, p + parts, p + 2 parts, ..., so that
 * neighbouring cells read neighbouring elements, and what they found is a run of its own.
 */
import { type GpuProgram, type Kernel, type KernelThis, kernel, type Launch, MAX_REDUCTION } from '../../devices/gpu/kernel.ts';
import { type Shape, sizeOf } from '../../shape.ts';

const sumRun = kernel('sumRun', function (this: KernelThis, x: Float32Array) {
  const o = idiv(this.thread.x, this.constants.inner!);
  const i = this.thread.x - o * this.constants.inner!;
  const first = o * this.constants.run! * this.constants.inner! + i;
  let total = 0.0;
  for (let r = 0; r < this.constants.run!; r++) {
    total += x[first + r * this.constants.inner!]!;
  }
  return total;
});

const maxRun = kernel('maxRun', function (this: KernelThis, x: Float32Array) {
  const o = idiv(this.thread.x, this.constants.inner!);
  const i = this.thread.x - o * this.constants.inner!;
  const first = o * this.constants.run! * this.constants.inner! + i;
  let most = x[first]!;
  for (let r = 1; r < this.constants.run!; r++) {
    const value = x[first + r * this.constants.inner!]!;
    // biome-ignore lint/suspicious/noSelfCompare: the dialect has no isNaN, and NaN is the largest value
    if (value > most || value !== value) {
      most = value;
    }
  }
  return most;
});

const sumPart = kernel('sumPart', function (this: KernelThis, x: Float32Array) {
  const row = idiv(this.thread.x, this.constants.inner!);
  const i = this.thread.x - row * this.constants.inner!;
  const o = idiv(row, this.constants.parts!);
  const part = row - o * this.constants.parts!;
  const first = (o * this.constants.run! + part) * this.constants.inner! + i;
  const step = this.constants.parts! * this.constants.inner!;
  let total = 0.0;
  for (let r = 0; r < this.constants.length!; r++) {
    if (part + r * this.constants.parts! < this.constants.run!) {
      total += x[first + r * step]!;
    }
  }
  return total;
});

const maxPart = kernel('maxPart', function (this: KernelThis, x: Float32Array) {
  const row = idiv(this.thread.x, this.constants.inner!);
  const i = this.thread.x - row * this.constants.inner!;
  const o = idiv(row, this.constants.parts!);
  const part = row - o * this.constants.parts!;
  const first = (o * this.constants.run! + part) * this.constants.inner! + i;
  const step = this.constants.parts! * this.constants.inner!;
  let most = x[first]!;
  for (let r = 1; r < this.constants.length!; r++) {
    if (part + r * this.constants.parts! < this.constants.run!) {
      const value = x[first + r * step]!;
      // biome-ignore lint/suspicious/noSelfCompare: as above
      if (value > most || value !== value) {
        most = value;
      }
    }
  }
  return most;
});

const KERNELS: Readonly<Record<'sum' | 'max', { readonly run: Kernel; readonly part: Kernel }>> = {
  sum: { run: sumRun, part: sumPart },
  max: { run: maxRun, part: maxPart },
};

/** All launches that reduce `axes` of an array of this shape, with a scratch array between each two. */
export function reductionProgram(kind: 'sum' | 'max', shape: Shape, axes: readonly number[]): GpuProgram {
  return chain(stagesOf(shape, axes), KERNELS[kind]);
}

interface Stage {
  readonly outer: number;
  readonly run: number;
  readonly inner: number;
  /** How many parts the run is cut into; 1 reduces all of it. */
  readonly parts: number;
}

function stagesOf(shape: Shape, axes: readonly number[]): Stage[] {
  const stages: Stage[] = [];
  const lengths = [...shape];
  for (const { first, last } of runsOf(axes).reverse()) {
    const run = sizeOf(lengths.slice(first, last + 1));
    stages.push(...split(sizeOf(lengths.slice(0, first)), run, sizeOf(lengths.slice(last + 1))));
    for (let axis = first; axis <= last; axis++) lengths[axis] = 1;
  }
  return stages;
}

function runsOf(axes: readonly number[]): { first: number; last: number }[] {
  const runs: { first: number; last: number }[] = [];
  for (const axis of axes) {
    const open = runs[runs.length - 1];
    if (open !== undefined && open.last === axis - 1) open.last = axis;
    else runs.push({ first: axis, last: axis });
  }
  return runs;
}

function split(outer: number, run: number, inner: number): Stage[] {
  if (run <= MAX_REDUCTION) return [{ outer, run, inner, parts: 1 }];
  const parts = Math.max(Math.ceil(run / MAX_REDUCTION), Math.ceil(Math.sqrt(run)));
  return [{ outer, run, inner, parts }, ...split(outer, parts, inner)];
}

function chain(stages: readonly Stage[], kernels: { readonly run: Kernel; readonly part: Kernel }): GpuProgram {
  const sizes = stages.map(({ outer, inner, parts }) => outer * inner * parts);
  const launches = stages.map(
    ({ run, inner, parts }, k): Launch => ({
      kernel: parts === 1 ? kernels.run : kernels.part,
      constants: parts === 1 ? { run, inner } : { run, inner, parts, length: Math.ceil(run / parts) },
      inputs: [k === 0 ? { input: 0 } : { scratch: k - 1 }],
      output: k === stages.length - 1 ? 'output' : { scratch: k },
      cells: [sizes[k]!],
    }),
  );
  return { scratch: sizes.slice(0, -1), launches };
}
