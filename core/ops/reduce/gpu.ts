/**
 * Reductions on gpu.js. Axes are reduced run by run (a run is neighbouring axes), the innermost first; each run sees its input as
 * [outer, run, inner]:
 *
 *     for each cell (o, i):  result = combine over r of x[(o * run + r) * inner + i]      i contiguous
 *
 * A run longer than 4,096 takes two stages: [outer, run / part, part, inner] over the parts, then over what is left.
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
    if (value > most) {
      most = value;
    }
  }
  return most;
});

const KERNELS: Readonly<Record<'sum' | 'max', Kernel>> = { sum: sumRun, max: maxRun };

/** All launches that reduce `axes` of an array of this shape, with a scratch array between each two. */
export function reductionProgram(kind: 'sum' | 'max', shape: Shape, axes: readonly number[]): GpuProgram {
  return chain(stagesOf(shape, axes), KERNELS[kind]);
}

interface Stage {
  readonly outer: number;
  readonly run: number;
  readonly inner: number;
}

function stagesOf(shape: Shape, axes: readonly number[]): Stage[] {
  const stages: Stage[] = [];
  const lengths = [...shape];
  for (const { first, last } of runsOf(axes).reverse()) {
    const run = sizeOf(lengths.slice(first, last + 1));
    stages.push(...split({ outer: sizeOf(lengths.slice(0, first)), run, inner: sizeOf(lengths.slice(last + 1)) }));
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

/** Cuts a long run at its largest divisor that is short enough; a run without one stays whole. */
function split(stage: Stage): Stage[] {
  if (stage.run <= MAX_REDUCTION) return [stage];
  let part = MAX_REDUCTION;
  while (stage.run % part !== 0) part--;
  if (part === 1) return [stage];
  const parts = stage.run / part;
  return [{ outer: stage.outer * parts, run: part, inner: stage.inner }, ...split({ ...stage, run: parts })];
}

function chain(stages: readonly Stage[], reducer: Kernel): GpuProgram {
  const sizes = stages.map(({ outer, inner }) => outer * inner);
  const launches = stages.map(
    ({ run, inner }, k): Launch => ({
      kernel: reducer,
      constants: { run, inner },
      inputs: [k === 0 ? { input: 0 } : { scratch: k - 1 }],
      output: k === stages.length - 1 ? 'output' : { scratch: k },
      cells: [sizes[k]!],
    }),
  );
  return { scratch: sizes.slice(0, -1), launches };
}
