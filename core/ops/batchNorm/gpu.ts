/**
 * Batch normalisation on gpu.js. Sums over a channel run in stages:
 *
 *     partial[r, c] = sum over a piece of at most 4,096 positions of one image     r counts images and pieces, c contiguous
 *     result[c]     = sum_r partial[r, c]                                          in further stages while r is above 4,096
 *
 * The variance is summed around the mean, so the moments take two passes over x. The other kernels are element-wise with cells
 * [position, c, n], where everything that belongs to the channel is uniform.
 */
import {
  type GpuProgram,
  type Kernel,
  type KernelThis,
  kernel,
  type Launch,
  MAX_REDUCTION,
  type Operand,
} from '../../devices/gpu/kernel.ts';
import type { BatchSizes } from './batchNorm.ts';

const partialSum = kernel('partialSum', function (this: KernelThis, x: Float32Array) {
  const start = this.thread.z * this.constants.piece!;
  const plane = (this.thread.y * this.constants.c! + this.thread.x) * this.constants.positions! + start;
  let total = 0.0;
  for (let q = 0; q < this.constants.piece!; q++) {
    if (start + q < this.constants.positions!) {
      total += x[plane + q]!;
    }
  }
  return total;
});

const partialSquares = kernel('partialSquares', function (this: KernelThis, x: Float32Array, mean: Float32Array) {
  const start = this.thread.z * this.constants.piece!;
  const plane = (this.thread.y * this.constants.c! + this.thread.x) * this.constants.positions! + start;
  const centre = mean[this.thread.x]!;
  let total = 0.0;
  for (let q = 0; q < this.constants.piece!; q++) {
    if (start + q < this.constants.positions!) {
      const distance = x[plane + q]! - centre;
      total += distance * distance;
    }
  }
  return total;
});

/** Sum of dy (x - mean) r, r left to the last stage. */
const partialProducts = kernel(
  'partialProducts',
  function (this: KernelThis, dy: Float32Array, x: Float32Array, moments: Float32Array) {
    const start = this.thread.z * this.constants.piece!;
    const plane = (this.thread.y * this.constants.c! + this.thread.x) * this.constants.positions! + start;
    const centre = moments[this.thread.x]!;
    let total = 0.0;
    for (let q = 0; q < this.constants.piece!; q++) {
      if (start + q < this.constants.positions!) {
        total += dy[plane + q]! * (x[plane + q]! - centre);
      }
    }
    return total;
  },
);

/** Adds up to `span` rows of [rows, c]. */
const addRows = kernel('addRows', function (this: KernelThis, partial: Float32Array) {
  const first = this.thread.y * this.constants.span!;
  let total = 0.0;
  for (let r = 0; r < this.constants.span!; r++) {
    if (first + r < this.constants.rows!) {
      total += partial[(first + r) * this.constants.c! + this.thread.x]!;
    }
  }
  return total * this.constants.factor!;
});

/** [2, c] from two rows. */
const joinRows = kernel('joinRows', function (this: KernelThis, first: Float32Array, second: Float32Array) {
  let value = first[this.thread.x]!;
  if (this.thread.y > 0) {
    value = second[this.thread.x]!;
  }
  return value;
});

/** [2, c] from two rows, the second divided by the deviation. */
const joinSums = kernel(
  'joinSums',
  function (this: KernelThis, first: Float32Array, second: Float32Array, moments: Float32Array) {
    let value = first[this.thread.x]!;
    if (this.thread.y > 0) {
      value = second[this.thread.x]! / Math.sqrt(moments[this.constants.c! + this.thread.x]! + this.constants.epsilon!);
    }
    return value;
  },
);

const normalise = kernel(
  'normalise',
  function (this: KernelThis, x: Float32Array, moments: Float32Array, gamma: Float32Array, beta: Float32Array) {
    const c = this.thread.y;
    const factor = gamma[c]! / Math.sqrt(moments[this.constants.c! + c]! + this.constants.epsilon!);
    const at = (this.thread.z * this.constants.c! + c) * this.constants.positions! + this.thread.x;
    return (x[at]! - moments[c]!) * factor + beta[c]!;
  },
);

const normaliseInput = kernel(
  'normaliseInput',
  function (this: KernelThis, dy: Float32Array, x: Float32Array, moments: Float32Array, sums: Float32Array, gamma: Float32Array) {
    const c = this.thread.y;
    const r = 1.0 / Math.sqrt(moments[this.constants.c! + c]! + this.constants.epsilon!);
    const slope = (r * sums[this.constants.c! + c]!) / this.constants.count!;
    const shift = sums[c]! / this.constants.count!;
    const at = (this.thread.z * this.constants.c! + c) * this.constants.positions! + this.thread.x;
    return gamma[c]! * r * (dy[at]! - shift - (x[at]! - moments[c]!) * slope);
  },
);

/** Launches so far and the scratch arrays between them. */
class Stages {
  private readonly scratch: number[] = [];
  private readonly launches: Launch[] = [];

  constructor(private readonly sizes: BatchSizes) {}

  /** Sum per channel of what `partial` adds up over a piece, times `factor`. */
  channelSum(partial: Kernel, inputs: readonly Operand[], factor: number): Operand {
    const { n, c, positions } = this.sizes;
    const pieces = Math.ceil(positions / MAX_REDUCTION);
    const piece = Math.ceil(positions / pieces);
    let rows = n * pieces;
    let source = this.add(partial, { c, positions, piece }, inputs, [c, n, pieces]);
    while (rows > MAX_REDUCTION) {
      const next = Math.ceil(rows / MAX_REDUCTION);
      source = this.add(addRows, { c, rows, span: MAX_REDUCTION, factor: 1 }, [source], [c, next]);
      rows = next;
    }
    return this.add(addRows, { c, rows, span: rows, factor }, [source], [c, 1]);
  }

  /** Ends the program with a launch into the output. */
  finish(last: Kernel, constants: Launch['constants'], inputs: readonly Operand[], cells: readonly number[]): GpuProgram {
    this.launches.push({ kernel: last, constants, inputs, cells, output: 'output' });
    return { scratch: this.scratch, launches: this.launches };
  }

  private add(step: Kernel, constants: Launch['constants'], inputs: readonly Operand[], cells: readonly number[]): Operand {
    const output = { scratch: this.scratch.push(cells.reduce((size, length) => size * length, 1)) - 1 };
    this.launches.push({ kernel: step, constants, inputs, cells, output });
    return output;
  }
}

export function momentsProgram(sizes: BatchSizes): GpuProgram {
  const stages = new Stages(sizes);
  const mean = stages.channelSum(partialSum, [{ input: 0 }], 1 / sizes.count);
  const variance = stages.channelSum(partialSquares, [{ input: 0 }, mean], 1 / sizes.count);
  return stages.finish(joinRows, {}, [mean, variance], [sizes.c, 2]);
}

export function normaliseSumsProgram(sizes: BatchSizes, epsilon: number): GpuProgram {
  const [dy, x, moments] = [{ input: 0 }, { input: 1 }, { input: 2 }];
  const stages = new Stages(sizes);
  const first = stages.channelSum(partialSum, [dy], 1);
  const second = stages.channelSum(partialProducts, [dy, x, moments], 1);
  return stages.finish(joinSums, { c: sizes.c, epsilon }, [first, second, moments], [sizes.c, 2]);
}

export function normaliseProgram({ n, c, positions }: BatchSizes, epsilon: number): GpuProgram {
  const inputs = [{ input: 0 }, { input: 1 }, { input: 2 }, { input: 3 }];
  return {
    scratch: [],
    launches: [{ kernel: normalise, constants: { c, positions, epsilon }, inputs, output: 'output', cells: [positions, c, n] }],
  };
}

export function normaliseInputProgram({ n, c, positions, count }: BatchSizes, epsilon: number): GpuProgram {
  const inputs = [{ input: 0 }, { input: 1 }, { input: 2 }, { input: 3 }, { input: 4 }];
  return {
    scratch: [],
    launches: [
      { kernel: normaliseInput, constants: { c, positions, count, epsilon }, inputs, output: 'output', cells: [positions, c, n] },
    ],
  };
}
