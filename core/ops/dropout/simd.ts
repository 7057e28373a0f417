/** The dropout mask: the hash of dropout.ts in whole numbers, element by element. */
import { type I32, loadF32, local, min, range, select, storeF32 } from '../../devices/simd/emit/index.ts';
import type { SimdKernel, SimdProgram } from '../../devices/simd/kernel.ts';
import { P, Q, ROUNDS, threshold } from './dropout.ts';

/** Elements of a task. */
const TASK_ELEMENTS = 4096;

export function maskProgram(size: number, probability: number): SimdProgram {
  const { whole, rest } = threshold(probability);
  const args = [size, whole, rest, { input: 0 }, 'output' as const];
  return {
    scratch: [],
    threadScratch: 0,
    launches: [{ kernel: kernel(probability), tasks: Math.ceil(size / TASK_ELEMENTS), args }],
  };
}

function kernel(probability: number): SimdKernel {
  const kept = 1 / (1 - probability);
  return {
    name: `dropoutMask ${kept}`,
    parameters: 6,
    emit: (task, size, whole, rest, key, output) => {
      const keys = [0, 4].map((offset) => local(loadF32(key!, offset).toI32()));
      const first = local(task.mul(TASK_ELEMENTS));
      range(first, min(first.add(TASK_ELEMENTS), size!), 1, (at) => {
        const u = local(at.div(Q).rem(P));
        const v = local(at.rem(Q));
        ROUNDS.forEach(([c, d], round) => {
          u.set(
            u
              .mul(v)
              .add(u.mul(3))
              .add(keys[round % 2]!)
              .add(c)
              .rem(P),
          );
          v.set(
            v
              .mul(1597)
              .add(u)
              .add(keys[(round + 1) % 2]!)
              .add(d)
              .rem(Q),
          );
        });
        const dropped: I32 = u.lt(whole!).or(u.eq(whole!).and(v.lt(rest!)));
        storeF32(output!.add(at.shl(2)), select(dropped, 0, 1).toF32().mul(kept));
      });
    },
  };
}
