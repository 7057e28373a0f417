/**
 * The two conversions between the physical orders of a 4-D array, [n, c, h, w] and [n, h, w, c]. The value is the same tensor: they
 * exist in plans only, where the layout pass puts them, and only on devices that ask for it.
 */
import type { Op } from '../../op.ts';
import type { LayoutRule } from '../../plan/layout.ts';
import { pointwiseProgram } from '../pointwise/simd.ts';

function conversion(name: string, layout: LayoutRule): Op {
  const inPlansOnly = (): never => {
    throw new Error(`internal: ${name} exists in plans of the simd device only`);
  };
  return {
    name,
    inputs: ['x'],
    shape: ([x]) => x!,
    reference: ({ inputs: [x], output }) => output.set(x!),
    gradient: inPlansOnly,
    gpu: inPlansOnly,
    simd: (call) => pointwiseProgram({ input: 0 }, call),
    layout,
  };
}

export const toChannelsLast: Op = conversion('toChannelsLast', { inputs: ['logical'], output: 'channelsLast' });
export const toLogical: Op = conversion('toLogical', { inputs: ['channelsLast'], output: 'logical' });
