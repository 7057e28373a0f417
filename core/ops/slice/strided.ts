/**
 * Reading an array along other strides than its own, which is all that slice and permute are on gpu.js:
 *
 *     y[k0, k1, ...] = x[origin + k0 * stride0 + k1 * stride1 + ...]        i, the flat index of y, contiguous
 */
import { printDecode, printKernel } from '../../devices/gpu/decode.ts';
import { type GpuProgram, kernel, single } from '../../devices/gpu/kernel.ts';

/** An axis of the output, and how far one step along it goes in x; negative steps run backwards. */
export interface StridedAxis {
  readonly length: number;
  readonly stride: number;
}

export function stridedProgram(name: string, axes: readonly StridedAxis[], origin = 0): GpuProgram {
  const merged = mergeAxes(axes);
  const terms = merged.map(({ stride }, axis) => ` + k${axis} * ${stride < 0 ? `(${stride})` : stride}`);
  const body = [...printDecode(merged.map(({ length }) => length)), `return x[${origin}${terms.join('')}];`];
  const cells = axes.reduce((size, { length }) => size * length, 1);
  return single(kernel(name, printKernel(['x'], body)), {}, 1, cells);
}

/** Neighbours that x walks as one become one axis, and axes of length 1 vanish: every axis less is a division less. */
export function mergeAxes(axes: readonly StridedAxis[]): StridedAxis[] {
  const merged: StridedAxis[] = [];
  for (const { length, stride } of axes) {
    const outer = merged[merged.length - 1];
    if (length === 1) continue;
    if (outer?.stride === length * stride) merged[merged.length - 1] = { length: outer.length * length, stride };
    else merged.push({ length, stride });
  }
  return merged;
}
