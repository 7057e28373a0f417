/** Copies between arrays that lie differently: the kernels of slice, place, concat and permute. */
import { load, loadSplat, local, min, range, splat, store, storeLane } from './emit/index.ts';
import type { SimdKernel, SimdLaunch, SimdOperand } from './kernel.ts';
import { rowAddresses, writeRow } from './rows.ts';
import { collapse } from './strides.ts';

/** Elements of a task. */
const TASK_ELEMENTS = 16384;

/** One side of a copy, in elements: where the first one lies, and the strides along the axes. */
export interface Side {
  readonly array: SimdOperand;
  readonly offset: number;
  readonly strides: readonly number[];
}

/** Copies an element for every index below `lengths`; axes that are neighbours in memory should come last. */
export function copyLaunch(lengths: readonly number[], to: Side, from: Side): SimdLaunch {
  const space = collapse({ lengths, strides: [to.strides, from.strides] });
  const inner = space.lengths.length - 1;
  const [length, outer] = [space.lengths[inner]!, space.lengths.slice(0, inner)];
  const rows = outer.reduce((product, each) => product * each, 1);
  const rowsPerTask = Math.max(1, Math.floor(TASK_ELEMENTS / length));
  const whole = space.strides.every((strides) => strides[inner] === 1);
  const strides = space.strides.flatMap((own) => own.map((stride) => 4 * stride));
  return {
    kernel: copyKernel(whole, inner),
    tasks: Math.ceil(rows / rowsPerTask),
    args: [rowsPerTask, rows, length, to.array, 4 * to.offset, from.array, 4 * from.offset, ...outer, ...strides],
  };
}

/** task | rows a task | rows | elements a row | to | offset | from | offset | outer lengths | byte strides of `to`, of `from` */
function copyKernel(whole: boolean, outerAxes: number): SimdKernel {
  return {
    name: `copy ${whole ? 'runs' : 'elements'} ${outerAxes}`,
    parameters: 8 + outerAxes + 2 * (outerAxes + 1),
    emit: (task, rowsPerTask, rows, length, to, toOffset, from, fromOffset, ...rest) => {
      const lengths = rest.slice(0, outerAxes);
      const toStrides = rest.slice(outerAxes, 2 * outerAxes + 1);
      const fromStrides = rest.slice(2 * outerAxes + 1);
      const target = local(to!.add(toOffset!));
      const source = local(from!.add(fromOffset!));
      const first = local(task.mul(rowsPerTask!));
      range(first, min(first.add(rowsPerTask!), rows!), 1, (row) => {
        const [at, origin] = rowAddresses(row, lengths, [target, source], [toStrides, fromStrides]);
        if (whole) {
          writeRow(at!, length!, 4, (k) => load(origin!.add(k.shl(2))));
          return;
        }
        range(0, length!, 1, (k) => {
          const value = loadSplat(origin!.add(k.mul(fromStrides[outerAxes]!)));
          storeLane(at!.add(k.mul(toStrides[outerAxes]!)), value, 0);
        });
      });
    },
  };
}

/** Fills a whole array with 0. */
export function zeroLaunch(array: SimdOperand, size: number): SimdLaunch {
  return { kernel: zeroKernel, tasks: Math.ceil(size / TASK_ELEMENTS), args: [size, array] };
}

const zeroKernel: SimdKernel = {
  name: 'zero',
  parameters: 3,
  emit: (task, size, array) => {
    const first = local(task.mul(TASK_ELEMENTS));
    range(first, min(first.add(TASK_ELEMENTS), size!), 4, (at) => store(array!.add(at.shl(2)), splat(0)));
  },
};
