/** concat as a copy of each input into its part of the output. */
import { copyLaunch } from '../../devices/simd/copy.ts';
import type { SimdCall, SimdProgram } from '../../devices/simd/kernel.ts';
import { axisOrder, physicalStrides } from '../../devices/simd/strides.ts';
import type { ConcatOptions } from './concat.ts';

export function concatProgram({ shapes, outputShape, layouts, outputLayout, options }: SimdCall<ConcatOptions>): SimdProgram {
  const order = axisOrder(outputShape.length, outputLayout);
  const strides = physicalStrides(outputShape, outputLayout);
  let end = 0;
  const launches = shapes.map((shape, input) => {
    const own = physicalStrides(shape, layouts[input]!);
    end += shape[options.axis]!;
    return copyLaunch(
      order.map((axis) => shape[axis]!),
      {
        array: 'output',
        offset: (end - shape[options.axis]!) * strides[options.axis]!,
        strides: order.map((axis) => strides[axis]!),
      },
      { array: { input }, offset: 0, strides: order.map((axis) => own[axis]!) },
    );
  });
  return { scratch: [], threadScratch: 0, launches };
}
