/**
 * slice and place on gpu.js, printed for the axes at hand: each output element finds the one input element that it takes.
 */
import { printDecode, printKernel } from '../../devices/gpu/decode.ts';
import { type GpuProgram, kernel, single } from '../../devices/gpu/kernel.ts';
import { type Shape, sizeOf, stridesOf } from '../../shape.ts';
import type { PlaceOptions, SliceOptions } from './slice.ts';
import { stridedProgram } from './strided.ts';

/** y[k0, k1, ...] = x[start0 + k0 * step0, ...] */
export function sliceProgram(shape: Shape, { start, step, count }: SliceOptions): GpuProgram {
  const strides = stridesOf(shape);
  const origin = start.reduce((sum, first, axis) => sum + first * strides[axis]!, 0);
  const axes = count.map((length, axis) => ({ length, stride: step[axis]! * strides[axis]! }));
  return stridedProgram('slice', axes, origin);
}

/** y[k0, k1, ...] = x[(k0 - start0) / step0, ...] where every quotient is whole and an index of x, else 0. */
export function placeProgram(small: Shape, options: PlaceOptions): GpuProgram {
  const axes = mergeAxes(small, options);
  const strides = stridesOf(axes.map((axis) => axis.small));
  const printed = axes.map(printAxis);
  const conditions = printed.flatMap((axis) => axis.conditions);
  const at = printed.map(({ index }, axis) => `${index} * ${strides[axis]}`).join(' + ') || '0';
  const body = [
    ...printDecode(axes.map((axis) => axis.large)),
    ...printed.flatMap((axis) => axis.statements),
    'let value = 0.0;',
    ...conditions.map((condition) => `if (${condition}) {`),
    `value = x[${at}];`,
    ...conditions.map(() => '}'),
    'return value;',
  ];
  return single(kernel('place', printKernel(['x'], body)), {}, 1, sizeOf(options.shape));
}

/** x's `small` elements lie at start, start + step, ... of `large`. */
interface PlacedAxis {
  readonly start: number;
  readonly step: number;
  readonly small: number;
  readonly large: number;
}

/** An axis that x fills goes into the one outside of it where that has step 1: an image padded in channels has two axes. */
function mergeAxes(small: Shape, { start, step, shape }: PlaceOptions): PlacedAxis[] {
  const merged: PlacedAxis[] = [];
  shape.forEach((large, axis) => {
    if (large === 1) return;
    const own = { start: start[axis]!, step: small[axis] === 1 ? 1 : step[axis]!, small: small[axis]!, large };
    const outer = merged[merged.length - 1];
    if (own.small === large && own.step === 1 && outer?.step === 1)
      merged[merged.length - 1] = { start: outer.start * large, step: 1, small: outer.small * large, large: outer.large * large };
    else merged.push(own);
  });
  return merged;
}

/** How an axis finds its index in x, and the tests that can fail for it. */
function printAxis(
  { start, step, small, large }: PlacedAxis,
  axis: number,
): { statements: string[]; conditions: string[]; index: string } {
  const [size, end] = [Math.abs(step), start + (small - 1) * step];
  const [first, last] = step > 0 ? [start, end] : [end, start];
  const inside = [...(first > 0 ? [`k${axis} >= ${first}`] : []), ...(last < large - 1 ? [`k${axis} <= ${last}`] : [])];
  const distance = `const d${axis} = ${step > 0 ? `k${axis} - ${start}` : `${start} - k${axis}`};`;
  if (size === 1) return { statements: [distance], conditions: inside, index: `d${axis}` };
  return {
    statements: [distance, `const j${axis} = idiv(Math.max(d${axis}, 0), ${size});`],
    conditions: [...inside, `j${axis} * ${size} == d${axis}`],
    index: `j${axis}`,
  };
}
