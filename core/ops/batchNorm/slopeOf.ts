/**
 * The two steps of a batch norm's gradient with an element-wise formula in place of dy: the slope behind a ReLU is computed in both
 * and never written. Fusion puts them into plans, so nobody asks for their gradients.
 */
import type { Op } from '../../op.ts';
import { type Expression, evaluator } from '../pointwise/expression.ts';
import type { EpsilonOptions } from './batchNorm.ts';

export type SlopeOptions = EpsilonOptions & { readonly formula: Expression };

/** `op` begins with dy and x. Its form has the inputs of `op` without dy, then the arrays of dy's shape that the formula reads. */
export function slopeOf(op: Op<EpsilonOptions>, kernels: Required<Pick<Op<SlopeOptions>, 'simd' | 'layout'>>): Op<SlopeOptions> {
  const inputs = op.inputs.slice(1);
  return {
    name: `${op.name}Of`,
    inputs: [...inputs, 'part'],
    shape: (shapes, options) => op.shape([shapes[0]!, ...shapes.slice(0, inputs.length)], options),
    reference: (call) => {
      const rest = call.inputs.slice(0, inputs.length);
      const dy = slope(call.options.formula, rest[0]!.length, call.inputs.slice(inputs.length));
      op.reference({ ...call, inputs: [dy, ...rest], shapes: [call.shapes[0]!, ...call.shapes.slice(0, inputs.length)] });
    },
    gradient: () => {
      throw new Error('internal: a fused step was differentiated');
    },
    ...kernels,
  };
}

/** There may be no part at all: a slope that is the same everywhere. */
function slope(formula: Expression, length: number, parts: readonly Float64Array[]): Float64Array {
  const evaluate = evaluator(formula);
  const values = new Float64Array(parts.length);
  return new Float64Array(length).map((_, at) => {
    parts.forEach((part, k) => {
      values[k] = part[at]!;
    });
    return evaluate(values);
  });
}
