/**
 * Gather and scatter by label on gpu.js. Cells are [n] and [c, n], c contiguous:
 *
 *     gather   result = x[n * c + labels[n]] where that is a class, else 0
 *     scatter  result = dy[n] where labels[n] is the own column, else 0
 */
import { type GpuProgram, type KernelThis, kernel, single } from '../../devices/gpu/kernel.ts';

/** Tests the label before it reads: an index outside of an array is not the same on any two backends. */
const gather = kernel('gatherByLabel', function (this: KernelThis, x: Float32Array, labels: Float32Array) {
  const label = labels[this.thread.x]!;
  let value = 0.0;
  if (label >= 0) {
    if (label < this.constants.classes!) {
      if (Math.floor(label) === label) {
        value = x[this.thread.x * this.constants.classes! + label]!;
      }
    }
  }
  return value;
});

const scatter = kernel('scatterByLabel', function (this: KernelThis, dy: Float32Array, labels: Float32Array) {
  let value = 0.0;
  if (labels[this.thread.y]! === this.thread.x) {
    value = dy[this.thread.y]!;
  }
  return value;
});

export function gatherProgram(rows: number, classes: number): GpuProgram {
  return single(gather, { classes }, 2, rows);
}

export function scatterProgram(rows: number, classes: number): GpuProgram {
  const inputs = [{ input: 0 }, { input: 1 }];
  return { scratch: [], launches: [{ kernel: scatter, constants: {}, inputs, output: 'output', cells: [classes, rows] }] };
}
