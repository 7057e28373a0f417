/** Formulas with gradients of their own, which may be wrong. */
import { defineOp, detach, type Tensor } from '../../core/index.ts';

/** Gradients by the inputs, given dy, the inputs and the output. */
export type Rules = (dy: Tensor, inputs: readonly Tensor[], y: Tensor) => readonly (Tensor | null)[];

/** What `forward` computes, with the gradients that `rules` say. */
export function withGradient(forward: (...inputs: Tensor[]) => Tensor, rules: Rules): (...inputs: Tensor[]) => Tensor {
  return (...inputs) => {
    const carried = defineOp({
      name: 'carried',
      inputs: ['y', ...inputs.map((_, k) => `x${k}`)],
      shape: ([y]) => y!,
      reference: ({ inputs: [y], output }) => output.set(y!),
      gradient: ({ inputs: [y, ...own], dy }) => [null, ...rules(dy, own, y!).map((rule) => rule && (() => rule))],
    });
    return carried(detach(forward(...inputs)), ...inputs);
  };
}

/** The same for one input. */
export function wrongly(forward: (x: Tensor) => Tensor, rule: (dy: Tensor, x: Tensor) => Tensor): (x: Tensor) => Tensor {
  return withGradient(
    (x) => forward(x!),
    (dy, [x]) => [rule(dy, x!)],
  );
}
