/** Max and average pooling. ONNX counts the padding in other ways than PyTorch where ceilMode is set, so that is written as padding. */
import type { WindowOptions } from '../../core/ops/maxPool2d/windows.ts';
import { type Call, emit, inputSizes, integers, read } from './context.ts';
import type { Value } from './graph.ts';
import { mapSizes } from './recording.ts';

type Pair = readonly [number, number];

/** Padding at the end that makes as many windows as the output has. */
function endPadding(call: Call, { kernelSize, stride, padding, dilation, ceilMode }: WindowOptions): Pair {
  if (!ceilMode) return padding;
  const [lengths, outputs] = [inputSizes(call, 0)[0].slice(2), call.sizes[0].slice(2)];
  const end = (axis: 0 | 1): number => {
    const reach = (outputs[axis]! - 1) * stride[axis] + (kernelSize[axis] - 1) * dilation[axis] + 1;
    return Math.max(0, reach - lengths[axis]! - padding[axis]);
  };
  return [end(0), end(1)];
}

export function maxPool(call: Call): Value {
  const options = call.step.options as WindowOptions;
  const { kernelSize, stride, padding, dilation } = options;
  return emit(call, 'MaxPool', [read(call, 0)], {
    kernel_shape: kernelSize,
    strides: stride,
    pads: [...padding, ...endPadding(call, options)],
    dilations: dilation,
  });
}

/** Zeros that count are put there before where windows may reach beyond them, since what is beyond does not count. */
export function averagePool(call: Call): Value {
  const options = call.step.options as WindowOptions & { readonly countIncludePad: boolean };
  const { kernelSize, stride, padding, ceilMode, countIncludePad } = options;
  const end = endPadding(call, options);
  const attributes = { kernel_shape: kernelSize, strides: stride };
  const counted = countIncludePad && padding.some((length) => length > 0);
  if (!counted || !ceilMode)
    return emit(call, 'AveragePool', [read(call, 0)], {
      ...attributes,
      pads: [...padding, ...end],
      count_include_pad: Number(counted),
    });
  const sizes = mapSizes(inputSizes(call, 0), ([n, c, h, w]) => [n!, c!, h! + 2 * padding[0], w! + 2 * padding[1]]);
  const padded = emit(call, 'Pad', [read(call, 0), integers(call, [0, 0, ...padding, 0, 0, ...padding])], {}, sizes);
  const beyond = end.map((length, axis) => Math.max(0, length - padding[axis as 0 | 1]));
  return emit(call, 'AveragePool', [padded], { ...attributes, pads: [0, 0, ...beyond], count_include_pad: 0 });
}
