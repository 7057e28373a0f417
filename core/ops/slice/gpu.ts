/**
 * slice and place on gpu.js, printed for the rank at hand: each output element finds the one input element it takes.
 */
import { printDecode, printKernel } from '../../devices/gpu/decode.ts';
import { type GpuProgram, kernel, single } from '../../devices/gpu/kernel.ts';
import { type Shape, sizeOf, stridesOf } from '../../shape.ts';
import type { PlaceOptions, SliceOptions } from './slice.ts';

/** y[k0, k1, ...] = x[start0 + k0 * step0, ...] */
export function sliceProgram(shape: Shape, { start, step, count }: SliceOptions): GpuProgram {
  const strides = stridesOf(shape);
  const origin = start.reduce((sum, first, axis) => sum + first * strides[axis]!, 0);
  const terms = count.map((_, axis) => ` + k${axis} * ${signed(step[axis]! * strides[axis]!)}`);
  const body = [...printDecode(count), `return x[${origin}${terms.join('')}];`];
  return single(kernel('slice', printKernel(['x'], body)), {}, 1, sizeOf(count));
}

/** y[k0, k1, ...] = x[(k0 - start0) / step0, ...] where every quotient is whole and an index of x, else 0. */
export function placeProgram(small: Shape, { start, step, shape }: PlaceOptions): GpuProgram {
  const strides = stridesOf(small);
  const body = [...printDecode(shape), 'let value = 0.0;'];
  for (const axis of shape.keys()) {
    const size = Math.abs(step[axis]!);
    const distance = step[axis]! > 0 ? `k${axis} - ${start[axis]}` : `${start[axis]} - k${axis}`;
    body.push(`const d${axis} = ${distance};`, `const j${axis} = idiv(Math.max(d${axis}, 0), ${size});`);
  }
  const conditions = shape.flatMap((_, axis) => [
    `d${axis} >= 0`,
    `j${axis} < ${small[axis]}`,
    `j${axis} * ${Math.abs(step[axis]!)} == d${axis}`,
  ]);
  const at = small.map((_, axis) => `j${axis} * ${strides[axis]}`).join(' + ') || '0';
  body.push(
    ...conditions.map((condition) => `if (${condition}) {`),
    `value = x[${at}];`,
    '}'.repeat(conditions.length),
    'return value;',
  );
  return single(kernel('place', printKernel(['x'], body)), {}, 1, sizeOf(shape));
}

function signed(value: number): string {
  return value < 0 ? `(${value})` : String(value);
}
