/** Where the elements of an array lie, in either physical order, seen along the axes of an output. */
import type { Layout } from '../../plan/layout.ts';
import { type Shape, stridesOf } from '../../shape.ts';

/** Axes of a value from the outermost to the one whose elements are neighbours. */
export function axisOrder(rank: number, layout: Layout): number[] {
  return layout === 'channelsLast' ? [0, 2, 3, 1] : Array.from({ length: rank }, (_, axis) => axis);
}

/** Elements to skip for one step along each axis of `shape`. */
export function physicalStrides(shape: Shape, layout: Layout): number[] {
  const order = axisOrder(shape.length, layout);
  const strides: number[] = new Array(shape.length);
  stridesOf(order.map((axis) => shape[axis]!)).forEach((stride, k) => {
    strides[order[k]!] = stride;
  });
  return strides;
}

/** Strides of an input along the output's axes, from the outermost of memory to the innermost; 0 where it is repeated. */
export function inputStrides(shape: Shape, layout: Layout, output: Shape, outputLayout: Layout): number[] {
  const own = physicalStrides(shape, layout);
  return axisOrder(output.length, outputLayout).map((axis) => {
    const at = axis - (output.length - shape.length);
    return at < 0 || shape[at] === 1 ? 0 : own[at]!;
  });
}

/** An iteration space: lengths from the outermost axis to the innermost, and the strides of each array along them. */
export interface Space {
  readonly lengths: readonly number[];
  readonly strides: readonly (readonly number[])[];
}

/** The same space with axes of length 1 dropped and neighbours merged wherever every array allows it. */
export function collapse({ lengths, strides }: Space): Space {
  const merged: { length: number; strides: number[] }[] = [];
  lengths.forEach((length, axis) => {
    if (length === 1) return;
    const own = strides.map((each) => each[axis]!);
    const outer = merged.at(-1);
    if (outer?.strides.every((stride, k) => stride === own[k]! * length)) {
      outer.length *= length;
      outer.strides = own;
    } else {
      merged.push({ length, strides: own });
    }
  });
  if (merged.length === 0) merged.push({ length: 1, strides: strides.map(() => 0) });
  return {
    lengths: merged.map((axis) => axis.length),
    strides: strides.map((_, k) => merged.map((axis) => axis.strides[k]!)),
  };
}
