/**
 * Batch normalisation on gpu.js. Sums over a channel run in stages, in which neighbouring cells read neighbouring elements:
 *
 *     partial[g, c, lane] = sum over the images of group g, and every 64th position from `lane` on
 *     fewer[g, c, lane]   = sum of up to 4,096 groups at a time, while there are more than four
 *     result[c]           = sum over groups and lanes, by the kernel that needs it
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

/** `total` = sum of an array [groups, c, lanes] over groups and lanes, for the channel x. */
function printTotal(array: string): string {
  return `for (let g = 0; g < this.constants.groups; g++) {
    const first = (g * this.constants.c + this.thread.x) * this.constants.lanes;
    for (let k = 0; k < this.constants.lanes; k++) { total += ${array}[first + k]; }
  }`;
}

const meanOf = kernel(
  'meanOf',
  `function (partial) { let total = 0.0; ${printTotal('partial')} return total / this.constants.count; }`,
);

/** [2, c]: the mean, and the sum of squares divided by their number. */
const joinMoments = kernel(
  'joinMoments',
  `function (mean, squares) {
  let total = 0.0;
  ${printTotal('squares')}
  let value = mean[this.thread.x];
  if (this.thread.y > 0) { value = total / this.constants.count; }
  return value;
}`,
);

/** [2, c]: both sums, the second divided by the deviation. */
const joinSums = kernel(
  'joinSums',
  `function (values, products, moments) {
  let total = 0.0;
  if (this.thread.y > 0) { ${printTotal('products')} } else { ${printTotal('values')} }
  if (this.thread.y > 0) { total = total / Math.sqrt(moments[this.constants.c + this.thread.x] + this.constants.epsilon); }
  return total;
}`,
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
  private readonly cut: Cut;
  /** The axes of what `sums` gives. */
  private rest: Launch['constants'] = {};

  constructor(private readonly sizes: BatchSizes) {
    this.cut = cutOf(sizes);
  }

  /** The term's sums by channel and lane, of so few groups that the next kernel adds them. */
  sums(term: Term, inputs: readonly Operand[]): Operand {
    const { c } = this.sizes;
    const { lanes } = this.cut;
    let { groups } = this.cut;
    let source = this.add(partial(term, this.sizes, this.cut), {}, inputs, [lanes, c, groups]);
    while (groups > FEW) {
      const next = Math.ceil(groups / MAX_REDUCTION);
      const constants = { width: c * lanes, rows: groups, span: Math.ceil(groups / next) };
      source = this.add(addGroups, constants, [source], [c * lanes, next]);
      groups = next;
    }
    this.rest = { c, lanes, groups };
    return source;
  }

  /** The means of what `sums` gave. */
  mean(sums: Operand): Operand {
    return this.add(meanOf, { ...this.rest, count: this.sizes.count }, [sums], [this.sizes.c]);
  }

  /** Ends the program with a launch that writes [2, c] from sums and other arrays. */
  finish(last: Kernel, constants: Launch['constants'], inputs: readonly Operand[]): GpuProgram {
    const cells = [this.sizes.c, 2];
    this.launches.push({ kernel: last, constants: { ...this.rest, ...constants }, inputs, cells, output: 'output' });
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
  const mean = stages.mean(stages.sums(VALUES, [{ input: 0 }]));
  const squares = stages.sums(SQUARES, [{ input: 0 }, mean]);
  return stages.finish(joinMoments, { count: sizes.count }, [mean, squares]);
}

export function normaliseSumsProgram(sizes: BatchSizes, epsilon: number): GpuProgram {
  const [dy, x, moments] = [{ input: 0 }, { input: 1 }, { input: 2 }];
  const stages = new Stages(sizes);
  const values = stages.sums(VALUES, [dy]);
  const products = stages.sums(PRODUCTS, [dy, x, moments]);
  return stages.finish(joinSums, { epsilon }, [values, products, moments]);
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
