/**
 * Joins chains of element-wise steps. A step is absorbed by the element-wise step that uses it when it has that one use and the same
 * output shape: its formula is substituted for the input, and the array between them is never written.
 */
import { type Expression, substitute } from '../ops/pointwise/expression.ts';
import { fused } from '../ops/pointwise/pointwise.ts';
import { type Shape, sameShape } from '../shape.ts';
import type { Draft, DraftStep } from './compile.ts';

/** `maxInputs`: how many arrays a fused step may read; 0 fuses nothing. */
export function fuse(draft: Draft, maxInputs: number): Draft {
  if (maxInputs === 0) return draft;
  const uses = countUses(draft);
  const absorbed = new Set<number>();
  const steps: DraftStep[] = [];
  for (const step of draft.steps) {
    let joined = step;
    for (let producer = candidate(joined); producer !== undefined; producer = candidate(joined)) {
      absorbed.add(producer.output);
      for (const input of new Set(producer.inputs)) if (joined.inputs.includes(input)) uses[input]! -= 1;
      joined = absorb(joined, producer);
    }
    steps[step.output] = joined;
  }
  return renumber(
    draft,
    draft.steps.map((step) => steps[step.output]!).filter((step) => !absorbed.has(step.output)),
  );

  function candidate(step: DraftStep): DraftStep | undefined {
    if (step.op.expression === undefined) return undefined;
    for (const [k, input] of step.inputs.entries()) {
      const producer = steps[input];
      if (producer?.op.expression === undefined || uses[input] !== 1 || absorbed.has(input)) continue;
      if (!sameShape(producer.outputShape, step.outputShape) || !sameShape(step.shapes[k]!, step.outputShape)) continue;
      if (mergedInputs(step, producer).inputs.length <= maxInputs) return producer;
    }
    return undefined;
  }
}

/** How often each value is used: by steps, States and reads; an input named twice by one step counts once. */
function countUses(draft: Draft): number[] {
  const uses: number[] = new Array(draft.values.length).fill(0);
  const use = (value: number): void => {
    uses[value]! += 1;
  };
  for (const step of draft.steps) for (const input of new Set(step.inputs)) use(input);
  for (const { write } of draft.states) if (write !== undefined) use(write);
  draft.reads.forEach(use);
  return uses;
}

function absorb(step: DraftStep, producer: DraftStep): DraftStep {
  const { inputs, shapes } = mergedInputs(step, producer);
  const place =
    (of: DraftStep) =>
    (k: number): Expression => ({
      input: inputs.findIndex((value, at) => value === of.inputs[k] && sameShape(shapes[at]!, of.shapes[k]!)),
    });
  const inner = substitute(producer.op.expression!(producer.options), place(producer));
  const expression = substitute(step.op.expression!(step.options), (k) =>
    step.inputs[k] === producer.output ? inner : place(step)(k),
  );
  const layouts = inputs.map(() => 'logical' as const);
  return { ...step, op: fused, options: { expression, shape: step.outputShape }, inputs, shapes, layouts };
}

/** The arrays that the joined step reads, each once (twice only where it is seen under two shapes). */
function mergedInputs(step: DraftStep, producer: DraftStep): { inputs: number[]; shapes: Shape[] } {
  const inputs: number[] = [];
  const shapes: Shape[] = [];
  const add = (value: number, shape: Shape): void => {
    if (inputs.some((other, k) => other === value && sameShape(shapes[k]!, shape))) return;
    inputs.push(value);
    shapes.push(shape);
  };
  producer.inputs.forEach((value, k) => add(value, producer.shapes[k]!));
  step.inputs.forEach((value, k) => {
    if (value !== producer.output) add(value, step.shapes[k]!);
  });
  return { inputs, shapes };
}

/** Values made by steps name their step by its place in the list, which has changed. */
function renumber(draft: Draft, steps: readonly DraftStep[]): Draft {
  const values = [...draft.values];
  steps.forEach((step, index) => {
    values[step.output] = { ...values[step.output]!, from: { kind: 'step', index } };
  });
  return { ...draft, steps, values };
}
