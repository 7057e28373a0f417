/** The simd kernels of conv2d: activations channels-last, weights as users see them. The folder simd/ has an algorithm a file. */
import type { SimdProgram } from '../../devices/simd/kernel.ts';
import type { LayoutRule } from '../../plan/layout.ts';
import type { Geometry } from './geometry.ts';
import { directForward, directInputGradient } from './simd/direct.ts';
import { directWeightGradient } from './simd/weightGradient.ts';

/** x or dy, and the weight. */
export const activationLayout: LayoutRule = { inputs: ['channelsLast', 'logical'], output: 'channelsLast' };
/** x and dy. */
export const weightGradientLayout: LayoutRule = { inputs: ['channelsLast', 'channelsLast'], output: 'logical' };

export function forwardSimd(geometry: Geometry): SimdProgram {
  return directForward(geometry);
}

export function inputGradientSimd(geometry: Geometry): SimdProgram {
  return directInputGradient(geometry);
}

export function weightGradientSimd(geometry: Geometry): SimdProgram {
  return directWeightGradient(geometry);
}
