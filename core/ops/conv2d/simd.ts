/**
 * The simd kernels of conv2d: activations channels-last, weights as users see them. The folder simd/ has an algorithm a file, and here
 * is which one is taken: Winograd for 3x3 kernels of stride 1 over enough channels, direct correlation for everything else.
 */
import type { SimdProgram } from '../../devices/simd/kernel.ts';
import type { LayoutRule } from '../../plan/layout.ts';
import type { Geometry } from './geometry.ts';
import { directForward, directInputGradient, forwardWeights, gradientWeights } from './simd/direct.ts';
import { directWeightGradient } from './simd/weightGradient.ts';
import { winogradCorrelation } from './simd/winograd.ts';
import { winogradWeightGradient } from './simd/winogradWeightGradient.ts';

/** x or dy, and the weight. */
export const activationLayout: LayoutRule = { inputs: ['channelsLast', 'logical'], output: 'channelsLast' };
/** x and dy. */
export const weightGradientLayout: LayoutRule = { inputs: ['channelsLast', 'channelsLast'], output: 'logical' };

/** Below this the transforms cost more than the products save. */
const MIN_CHANNELS = 16;

/** Whether F(4x4, 3x3) fits: its kernels take four channels at a time, and a tile of four rows and columns should be mostly used. */
function takesWinograd({ c, o, i, j, y, x, h, w, stride, dilation, groups, algorithm }: Geometry): boolean {
  const shaped = i === 3 && j === 3 && groups === 1 && [...stride, ...dilation].every((each) => each === 1);
  const large = Math.min(c, o) >= MIN_CHANNELS && Math.min(y, x, h, w) >= 4;
  return algorithm !== 'direct' && shaped && large && c % 4 === 0 && o % 4 === 0;
}

export function forwardSimd(geometry: Geometry): SimdProgram {
  if (!takesWinograd(geometry)) return directForward(geometry);
  const { n, c, h, w, y, x, padding } = geometry;
  return winogradCorrelation({ n, c, h, w }, [y, x], padding, forwardWeights(geometry));
}

export function inputGradientSimd(geometry: Geometry): SimdProgram {
  if (!takesWinograd(geometry)) return directInputGradient(geometry);
  const { n, h, w, o, y, x, padding } = geometry;
  const weights = gradientWeights(geometry, [0, 0], [1, 1], [3, 3]);
  return winogradCorrelation({ n, c: o, h: y, w: x }, [h, w], [2 - padding[0], 2 - padding[1]], weights);
}

export function weightGradientSimd(geometry: Geometry): SimdProgram {
  return takesWinograd(geometry) ? winogradWeightGradient(geometry) : directWeightGradient(geometry);
}
