/** What the passes of fuse.ts ask of a draft, and how they leave it. */
import { type Shape, sameShape } from '../shape.ts';
import type { Draft, DraftStep } from './compile.ts';

/** How often each value is used: by steps, States and reads; an input named twice by one step counts once. */
export function countUses(draft: Draft): number[] {
  const uses: number[] = new Array(draft.values.length).fill(0);
  const use = (value: number): void => {
    uses[value]! += 1;
  };
  for (const step of draft.steps) for (const input of new Set(step.inputs)) use(input);
  for (const { write } of draft.states) if (write !== undefined) use(write);
  draft.reads.forEach(use);
  return uses;
}

/** Whether a step sees the value under the shape that it was made with. */
export function isOwnShape(draft: Draft, value: number, shape: Shape): boolean {
  return sameShape(draft.values[value]!.shape, shape);
}

/** Values made by steps name their step by its place in the list, which has changed. */
export function renumber(draft: Draft, steps: readonly DraftStep[]): Draft {
  const values = [...draft.values];
  steps.forEach((step, index) => {
    values[step.output] = { ...values[step.output]!, from: { kind: 'step', index } };
  });
  return { ...draft, steps, values };
}
