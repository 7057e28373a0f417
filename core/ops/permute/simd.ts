/** permute as a copy in the output's order. */
import { copyLaunch } from '../../devices/simd/copy.ts';
import type { SimdCall, SimdProgram } from '../../devices/simd/kernel.ts';
import { axisOrder, physicalStrides } from '../../devices/simd/strides.ts';

export function permuteProgram(call: SimdCall<{ readonly axes: readonly number[] }>): SimdProgram {
  const { shapes, outputShape, layouts, outputLayout, options } = call;
  const order = axisOrder(outputShape.length, outputLayout);
  const to = physicalStrides(outputShape, outputLayout);
  const from = physicalStrides(shapes[0]!, layouts[0]!);
  const launch = copyLaunch(
    order.map((axis) => outputShape[axis]!),
    { array: 'output', offset: 0, strides: order.map((axis) => to[axis]!) },
    { array: { input: 0 }, offset: 0, strides: order.map((axis) => from[options.axes[axis]!]!) },
  );
  return { scratch: [], threadScratch: 0, launches: [launch] };
}
