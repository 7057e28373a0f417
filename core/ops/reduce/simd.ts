/**
 * Reductions in any physical order. A row is a run of neighbouring outputs: where their inputs are neighbours too, four are reduced at a
 * time; where the inputs of one output are neighbours, four of those are combined at a time and then with each other.
 *
 * Long loops run in blocks, so that a float32 sum of n values has the error of about n / 1024 additions; few long reductions are cut
 * into parts by their shape, one task each, which a second launch combines.
 */
import {
  type F32x4,
  type F32x4Var,
  type I32,
  type I32Var,
  load,
  loadSplat,
  local,
  min,
  range,
  splat,
} from '../../devices/simd/emit/index.ts';
import type { SimdCall, SimdKernel, SimdLaunch, SimdProgram } from '../../devices/simd/kernel.ts';
import { rowAddresses, writeRow } from '../../devices/simd/rows.ts';
import { axisOrder, collapse, physicalStrides, type Space } from '../../devices/simd/strides.ts';
import type { ReduceOptions } from './sum.ts';

export type Reduction = 'sum' | 'max';

/** Elements that a task reads, about. */
const TASK_ELEMENTS = 16384;
/** Elements of a part of a long reduction. */
const PART_ELEMENTS = 65536;
/** Turns of a loop before its result is added to the total. */
const BLOCK = 1024;

const combine: Record<Reduction, (total: F32x4, value: F32x4) => F32x4> = {
  sum: (total, value) => total.add(value),
  max: (total, value) => total.max(value),
};
const start: Record<Reduction, number> = { sum: 0, max: Number.NEGATIVE_INFINITY };

/** Strides are those of x. */
interface Reduced {
  readonly kept: Space;
  readonly reduced: Space;
}

export function reductionProgram(
  reduction: Reduction,
  { shapes, outputShape, layouts, outputLayout, options }: SimdCall<ReduceOptions>,
): SimdProgram {
  const shape = shapes[0]!;
  const strides = physicalStrides(shape, layouts[0]!);
  const space = (axes: readonly number[]): Space =>
    collapse({ lengths: axes.map((axis) => shape[axis]!), strides: [axes.map((axis) => strides[axis]!)] });
  const keptAxes = axisOrder(shape.length, outputLayout).filter((axis) => !options.axes.includes(axis));
  const reducedAxes = axisOrder(shape.length, layouts[0]!).filter((axis) => options.axes.includes(axis));
  const parts = { kept: space(keptAxes), reduced: space(reducedAxes) };
  const outputs = product(outputShape);
  const count = product(shape) / outputs;
  const split = outputs <= 64 ? Math.min(parts.reduced.lengths[0]!, Math.ceil(count / PART_ELEMENTS)) : 1;
  if (split === 1) return { scratch: [], threadScratch: 0, launches: [launch(reduction, parts, 1, { input: 0 }, 'output')] };
  const together = { kept: { lengths: [outputs], strides: [[1]] }, reduced: { lengths: [split], strides: [[outputs]] } };
  return {
    scratch: [split * outputs],
    threadScratch: 0,
    launches: [
      launch(reduction, parts, split, { input: 0 }, { scratch: 0 }),
      launch(reduction, together, 1, { scratch: 0 }, 'output'),
    ],
  };
}

const product = (lengths: readonly number[]): number => lengths.reduce((result, length) => result * length, 1);

function launch(
  reduction: Reduction,
  { kept, reduced }: Reduced,
  parts: number,
  from: SimdLaunch['args'][number],
  to: SimdLaunch['args'][number],
): SimdLaunch {
  const innerKept = kept.strides[0]!.at(-1)! === 1;
  const [length, outer] = innerKept ? [kept.lengths.at(-1)!, kept.lengths.slice(0, -1)] : [1, kept.lengths];
  const outerStrides = kept.strides[0]!.slice(0, outer.length).map((stride) => 4 * stride);
  const rows = product(outer);
  const rowsPerTask = Math.max(1, Math.floor(TASK_ELEMENTS / (length * product(reduced.lengths))));
  const taskRows = Math.ceil(rows / rowsPerTask);
  const chunk = Math.ceil(reduced.lengths[0]! / parts);
  const mode = innerKept ? 'lanes' : reduced.strides[0]!.at(-1)! === 1 ? 'run' : 'single';
  const reducedStrides = reduced.strides[0]!.map((stride) => 4 * stride);
  return {
    kernel: reductionKernel(reduction, mode, outer.length, reduced.lengths.length),
    tasks: parts * taskRows,
    args: [
      taskRows,
      rowsPerTask,
      rows,
      length,
      chunk,
      from,
      to,
      ...outer,
      ...outerStrides,
      ...reduced.lengths,
      ...reducedStrides,
    ],
  };
}

/**
 * task | tasks a part | rows a task | rows | outputs a row | turns of the first reduced axis a part | x | output | lengths and byte
 * strides of the outer kept axes, then of the reduced ones.
 */
function reductionKernel(
  reduction: Reduction,
  mode: 'lanes' | 'run' | 'single',
  outerAxes: number,
  reducedAxes: number,
): SimdKernel {
  return {
    name: `${reduction} ${mode} ${outerAxes} ${reducedAxes}`,
    parameters: 8 + 2 * outerAxes + 2 * reducedAxes,
    emit: (task, tasksPerPart, rowsPerTask, rows, length, chunk, x, output, ...rest) => {
      const lengths = rest.slice(0, outerAxes);
      const strides = rest.slice(outerAxes, 2 * outerAxes);
      const reducedLengths = rest.slice(2 * outerAxes, 2 * outerAxes + reducedAxes);
      const reducedStrides = rest.slice(2 * outerAxes + reducedAxes);
      const part = local(task.div(tasksPerPart!));
      const first = local(task.sub(part.mul(tasksPerPart!)).mul(rowsPerTask!));
      const skipped = local(part.mul(chunk!));
      const turns = min(reducedLengths[0]!.sub(skipped), chunk!);
      const source = local(x!.add(skipped.mul(reducedStrides[0]!)));
      const target = local(output!.add(part.mul(rows!).mul(length!).shl(2)));
      range(first, min(first.add(rowsPerTask!), rows!), 1, (row) => {
        const [from] = rowAddresses(row, lengths, [source], [strides]);
        const to = local(target.add(row.mul(length!).shl(2)));
        writeRow(to, length!, mode === 'lanes' ? 4 : 1, (at) => {
          const address = local(from!.add(at.shl(2)));
          return reduceAxes(reduction, mode, address, [turns, ...reducedLengths.slice(1)], reducedStrides);
        });
      });
    },
  };
}

/** The loops over the reduced axes, outermost first; each has a total of its own, added to the one outside when it ends. */
function reduceAxes(
  reduction: Reduction,
  mode: 'lanes' | 'run' | 'single',
  address: I32Var,
  lengths: readonly I32[],
  strides: readonly I32Var[],
): F32x4Var {
  const total = local(splat(start[reduction]));
  const [length, ...inner] = lengths;
  const add = (value: F32x4): void => total.set(combine[reduction](total, value));
  if (inner.length > 0) {
    range(0, length!, 1, (k) =>
      add(reduceAxes(reduction, mode, local(address.add(k.mul(strides[0]!))), inner, strides.slice(1))),
    );
    return total;
  }
  const count = local(length!);
  range(0, count, BLOCK, (block) => {
    const end = min(block.add(BLOCK), count);
    const subtotal = local(splat(start[reduction]));
    const include = (value: F32x4): void => subtotal.set(combine[reduction](subtotal, value));
    if (mode === 'run') {
      const whole = local(block.add(end.sub(block).and(~3)));
      range(block, whole, 4, (k) => include(load(address.add(k.shl(2)))));
      subtotal.set(combine[reduction](subtotal, subtotal.shuffle(subtotal, [2, 3, 0, 1])));
      subtotal.set(combine[reduction](subtotal, subtotal.shuffle(subtotal, [1, 0, 3, 2])));
      range(whole, end, 1, (k) => include(loadSplat(address.add(k.shl(2)))));
    } else {
      range(block, end, 1, (k) => include((mode === 'lanes' ? load : loadSplat)(address.add(k.mul(strides[0]!)))));
    }
    add(subtotal);
  });
  return total;
}
