/**
 * Normalisation with an element-wise formula at its end: `relu(batchNorm(x))` and `relu(batchNorm(x) + shortcut)` as one pass over
 * memory. Fusion puts it into plans, so nobody asks for its gradient.
 */
import type { Op, ReferenceCall } from '../../op.ts';
import { type Expression, evaluator } from '../pointwise/expression.ts';
import type { EpsilonOptions } from './batchNorm.ts';
import { normaliseLayout, normaliseThenProgram } from './simd.ts';

export type ThenOptions = EpsilonOptions & { readonly formula: Expression };

/** inputs: those of normalise, then arrays of x's shape. */
export function normaliseThen(normalise: (call: ReferenceCall<EpsilonOptions>) => void): Op<ThenOptions> {
  return {
    name: 'normaliseThen',
    inputs: ['x', 'moments', 'gamma', 'beta', 'other'],
    shape: ([x]) => x!,
    reference: (call) => {
      normalise(call);
      const evaluate = evaluator(call.options.formula);
      const others = call.inputs.slice(4);
      const values = new Float64Array(1 + others.length);
      call.output.forEach((normal, at) => {
        values[0] = normal;
        others.forEach((other, k) => {
          values[k + 1] = other[at]!;
        });
        call.output[at] = evaluate(values);
      });
    },
    gradient: () => {
      throw new Error('internal: a fused step was differentiated');
    },
    simd: normaliseThenProgram,
    layout: { ...normaliseLayout, inputs: [...normaliseLayout.inputs, 'logical', 'logical', 'channelsLast'] },
  };
}
