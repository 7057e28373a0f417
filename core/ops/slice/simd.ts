/** slice and place as copies between one array and every step-th element of another. */
import { copyLaunch, zeroLaunch } from '../../devices/simd/copy.ts';
import type { SimdCall, SimdOperand, SimdProgram } from '../../devices/simd/kernel.ts';
import { axisOrder, physicalStrides } from '../../devices/simd/strides.ts';
import type { Layout } from '../../plan/layout.ts';
import { type Shape, sizeOf } from '../../shape.ts';
import type { PlaceOptions, SliceOptions } from './slice.ts';

interface Part {
  readonly array: SimdOperand;
  readonly shape: Shape;
  readonly layout: Layout;
}

export function sliceProgram({ shapes, outputShape, layouts, outputLayout, options }: SimdCall<SliceOptions>): SimdProgram {
  const small = { array: 'output', shape: outputShape, layout: outputLayout } as const;
  const { whole, sides } = pair({ array: { input: 0 }, shape: shapes[0]!, layout: layouts[0]! }, small, options);
  return { scratch: [], threadScratch: 0, launches: [copyLaunch(whole, sides.small, sides.large)] };
}

export function placeProgram({ shapes, outputShape, layouts, outputLayout, options }: SimdCall<PlaceOptions>): SimdProgram {
  const small = { array: { input: 0 }, shape: shapes[0]!, layout: layouts[0]! };
  const { whole, sides } = pair({ array: 'output', shape: outputShape, layout: outputLayout }, small, options);
  const launches = [zeroLaunch('output', sizeOf(outputShape)), copyLaunch(whole, sides.large, sides.small)];
  return { scratch: [], threadScratch: 0, launches };
}

/** Both sides of the copy along the small array's axes. */
function pair(
  large: Part,
  small: Part,
  { start, step }: { readonly start: readonly number[]; readonly step: readonly number[] },
) {
  const order = axisOrder(small.shape.length, small.layout);
  const [outer, inner] = [physicalStrides(large.shape, large.layout), physicalStrides(small.shape, small.layout)];
  return {
    whole: order.map((axis) => small.shape[axis]!),
    sides: {
      large: {
        array: large.array,
        offset: start.reduce((sum, index, axis) => sum + index * outer[axis]!, 0),
        strides: order.map((axis) => outer[axis]! * step[axis]!),
      },
      small: { array: small.array, offset: 0, strides: order.map((axis) => inner[axis]!) },
    },
  };
}
