/** logSoftmax: three passes over a row of classes, as the reference does: largest value, sum of exponentials, result. */
import { type F32x4, type I32, loadSplat, local, min, range, splat, storeLane } from '../../devices/simd/emit/index.ts';
import type { SimdKernel, SimdProgram } from '../../devices/simd/kernel.ts';
import { exp, log } from '../pointwise/transcendental.ts';
import type { AxisView } from './gpu.ts';

/** Elements of a task. */
const TASK_ELEMENTS = 4096;

export function logSoftmaxProgram({ outer, length, inner }: AxisView): SimdProgram {
  const rows = outer * inner;
  const rowsPerTask = Math.max(1, Math.floor(TASK_ELEMENTS / length));
  const args = [rowsPerTask, rows, length, inner, { input: 0 }, 'output' as const];
  return { scratch: [], threadScratch: 0, launches: [{ kernel, tasks: Math.ceil(rows / rowsPerTask), args }] };
}

/** task | rows a task | rows | classes | rows side by side, which is the step from class to class | x | output */
const kernel: SimdKernel = {
  name: 'logSoftmax',
  parameters: 7,
  emit: (task, rowsPerTask, rows, length, inner, x, output) => {
    const first = local(task.mul(rowsPerTask!));
    const step = local(inner!.shl(2));
    range(first, min(first.add(rowsPerTask!), rows!), 1, (row) => {
      const outer = local(row.div(inner!));
      const offset = local(
        outer
          .mul(length!)
          .mul(inner!)
          .add(row.sub(outer.mul(inner!)))
          .shl(2),
      );
      const from = local(x!.add(offset));
      const to = local(output!.add(offset));
      const forEachClass = (write: (value: F32x4, at: I32) => void): void =>
        range(0, length!, 1, (k) => {
          const at = local(k.mul(step));
          write(loadSplat(from.add(at)), at);
        });
      const most = local(splat(Number.NEGATIVE_INFINITY));
      forEachClass((value) => most.set(most.pmax(value)));
      const total = local(splat(0));
      forEachClass((value) => total.set(total.add(exp(local(value.sub(most))))));
      const shift = local(log(total));
      forEachClass((value, at) => storeLane(to.add(at), value.sub(most).sub(shift), 0));
    });
  },
};
