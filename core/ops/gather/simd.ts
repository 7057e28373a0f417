/** gatherByLabel and scatterByLabel: an image a turn, labels as floats that hold whole numbers. */
import {
  type I32,
  type I32Var,
  loadF32,
  local,
  min,
  range,
  scalar,
  splat,
  storeF32,
  storeLane,
  when,
} from '../../devices/simd/emit/index.ts';
import type { SimdKernel, SimdProgram } from '../../devices/simd/kernel.ts';

/** Images of a task. */
const TASK_IMAGES = 1024;

export function gatherProgram(images: number, classes: number): SimdProgram {
  return program(gatherKernel, images, classes);
}

export function scatterProgram(images: number, classes: number): SimdProgram {
  return program(scatterKernel, images, classes);
}

function program(kernel: SimdKernel, images: number, classes: number): SimdProgram {
  const args = [images, classes, { input: 0 }, { input: 1 }, 'output' as const];
  return { scratch: [], threadScratch: 0, launches: [{ kernel, tasks: Math.ceil(images / TASK_IMAGES), args }] };
}

/** y[n] = x[n, labels[n]]; 0 where the label is no class. */
const gatherKernel: SimdKernel = {
  name: 'gatherByLabel',
  parameters: 6,
  emit: (task, images, classes, x, labels, output) => {
    forEachImage(task, images!, labels!, classes!, (n, label, isClass) => {
      const to = local(output!.add(n.shl(2)));
      storeF32(to, scalar(0));
      when(isClass, () => storeF32(to, loadF32(x!.add(n.mul(classes!).add(label).shl(2)))));
    });
  },
};

/** y[n, labels[n]] = dy[n], 0 elsewhere. */
const scatterKernel: SimdKernel = {
  name: 'scatterByLabel',
  parameters: 6,
  emit: (task, images, classes, dy, labels, output) => {
    forEachImage(task, images!, labels!, classes!, (n, label, isClass) => {
      const row = local(output!.add(n.mul(classes!).shl(2)));
      range(0, classes!, 1, (k) => storeLane(row.add(k.shl(2)), splat(0), 0));
      when(isClass, () => storeF32(row.add(label.shl(2)), loadF32(dy!.add(n.shl(2)))));
    });
  },
};

function forEachImage(
  task: I32Var,
  images: I32Var,
  labels: I32Var,
  classes: I32Var,
  write: (n: I32Var, label: I32Var, isClass: I32) => void,
): void {
  const first = local(task.mul(TASK_IMAGES));
  range(first, min(first.add(TASK_IMAGES), images), 1, (n) => {
    const value = loadF32(labels.add(n.shl(2)));
    const label = local(value.toI32());
    const isClass = local(label.toF32().eq(value).and(label.ge(0)).and(label.lt(classes)));
    write(n, label, isClass);
  });
}
