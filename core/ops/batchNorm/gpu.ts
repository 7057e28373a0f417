/**
 * Batch normalisation on gpu.js. Sums over a channel run in stages, in which neighbouring cells read neighbouring elements:
 *
 *     partial[g, c, lane] = sum over the images of group g, and every 64th position from `lane` on
 *     fewer[g, c, lane]   = sum of up to 4,096 groups at a time, while there are more than four
 *     result[c]           = sum over groups and lanes
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

/** Cells that share a channel of an image in the first stage. */
const LANES = 64;
/** Elements that a cell of the first stage adds where images are small: enough to be worth a thread, few enough to have many. */
const WORK = 32;
/** Groups that the last stage adds by itself. */
const FEW = 4;

/** How the first stage cuts a channel up: so many lanes, steps along a lane, images of a group, groups. */
interface Cut {
  readonly lanes: number;
  readonly steps: number;
  readonly images: number;
  readonly groups: number;
}

function cutOf({ n, positions }: BatchSizes): Cut {
  const lanes = Math.max(Math.min(LANES, positions), Math.ceil(positions / MAX_REDUCTION));
  const steps = Math.ceil(positions / lanes);
  const images = Math.max(1, Math.min(n, Math.floor(WORK / steps)));
  return { lanes, steps, images, groups: Math.ceil(n / images) };
}

/** What is summed: an expression of `at`, the place in x and dy, and of what `prelude` declares. */
interface Term {
  readonly name: string;
  readonly parameters: string;
  readonly prelude: string;
  readonly value: string;
}

const VALUES: Term = { name: 'partialSum', parameters: 'x', prelude: '', value: 'x[PLACE]' };
const SQUARES: Term = {
  name: 'partialSquares',
  parameters: 'x, mean',
  prelude: 'const centre = mean[this.thread.y];',
  value: '(x[PLACE] - centre) * (x[PLACE] - centre)',
};
/** The deviation that these are divided by is left to the last launch. */
const PRODUCTS: Term = {
  name: 'partialProducts',
  parameters: 'dy, x, moments',
  prelude: 'const centre = moments[this.thread.y];',
  value: 'dy[PLACE] * (x[PLACE] - centre)',
};

/** The first stage. Sizes are printed and places written out, so that gpu.js computes them with whole numbers. */
function partial({ name, parameters, prelude, value }: Term, { n, c, positions }: BatchSizes, cut: Cut): Kernel {
  const { lanes, steps, images, groups } = cut;
  const image = `this.thread.z * ${images} + m`;
  const position = `this.thread.x + s * ${lanes}`;
  const add = `total += ${value.replaceAll('PLACE', `((${image}) * ${c} + this.thread.y) * ${positions} + ${position}`)};`;
  const inside = lanes * steps === positions ? add : `if (${position} < ${positions}) { ${add} }`;
  const present = images * groups === n ? inside : `if (${image} < ${n}) { ${inside} }`;
  return kernel(
    name,
    `function (${parameters}) {
  ${prelude}
  let total = 0.0;
  for (let m = 0; m < ${images}; m++) {
    for (let s = 0; s < ${steps}; s++) { ${present} }
  }
  return total;
}`,
  );
}

/** Adds up to `span` rows of [rows, width]. */
const addGroups = kernel('addGroups', function (this: KernelThis, partial: Float32Array) {
  const first = this.thread.y * this.constants.span!;
  let total = 0.0;
  for (let r = 0; r < this.constants.span!; r++) {
    if (first + r < this.constants.rows!) {
      total += partial[(first + r) * this.constants.width! + this.thread.x]!;
    }
  }
  return total;
});

/** Adds [groups, c, lanes] over groups and lanes. */
const addLanes = kernel('addLanes', function (this: KernelThis, partial: Float32Array) {
  let total = 0.0;
  for (let g = 0; g < this.constants.groups!; g++) {
    const first = (g * this.constants.c! + this.thread.x) * this.constants.lanes!;
    for (let k = 0; k < this.constants.lanes!; k++) {
      total += partial[first + k]!;
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

  /** Sum per channel of the term's values, times `factor`. */
  channelSum(term: Term, inputs: readonly Operand[], factor: number): Operand {
    const { c } = this.sizes;
    const cut = cutOf(this.sizes);
    const { lanes } = cut;
    let { groups } = cut;
    let source = this.add(partial(term, this.sizes, cut), {}, inputs, [lanes, c, groups]);
    while (groups > FEW) {
      const next = Math.ceil(groups / MAX_REDUCTION);
      const constants = { width: c * lanes, rows: groups, span: Math.ceil(groups / next) };
      source = this.add(addGroups, constants, [source], [c * lanes, next]);
      groups = next;
    }
    return this.add(addLanes, { c, lanes, groups, factor }, [source], [c, 1]);
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
  const mean = stages.channelSum(VALUES, [{ input: 0 }], 1 / sizes.count);
  const variance = stages.channelSum(SQUARES, [{ input: 0 }, mean], 1 / sizes.count);
  return stages.finish(joinRows, {}, [mean, variance], [sizes.c, 2]);
}

export function normaliseSumsProgram(sizes: BatchSizes, epsilon: number): GpuProgram {
  const [dy, x, moments] = [{ input: 0 }, { input: 1 }, { input: 2 }];
  const stages = new Stages(sizes);
  const first = stages.channelSum(VALUES, [dy], 1);
  const second = stages.channelSum(PRODUCTS, [dy, x, moments], 1);
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
