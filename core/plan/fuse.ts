/**
 * Joins steps, so that the array between them is never written. A step is absorbed by the element-wise step that uses it when it has
 * that one use and the same output shape: where it is element-wise too, its formula is substituted for the input; where its op has a
 * form with a formula at its end (batch norm, followed by add and ReLU), that form takes the place of both. What is element-wise
 * before a step is in fuseStarts.ts.
 */

import type { DeviceTraits } from '../devices/device.ts';
import { type Expression, substitute } from '../ops/pointwise/expression.ts';
import { fused } from '../ops/pointwise/pointwise.ts';
import { type Shape, sameShape } from '../shape.ts';
import type { Draft, DraftStep } from './compile.ts';
import { fuseStarts } from './fuseStarts.ts';
import { countUses, isOwnShape, renumber } from './uses.ts';

export function fuse(draft: Draft, { fuseInputs, fuseSteps }: DeviceTraits): Draft {
  const chained = fuseChains(draft, fuseInputs);
  return fuseSteps ? fuseStarts(fuseEnds(chained, fuseInputs)) : chained;
}

/** `maxInputs`: how many arrays a fused step may read; 0 fuses nothing. */
function fuseChains(draft: Draft, maxInputs: number): Draft {
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

/** Puts element-wise steps at the end of the steps that make their input, where Op.followedBy has a form for it. */
function fuseEnds(draft: Draft, maxInputs: number): Draft {
  const uses = countUses(draft);
  const makers = new Map(draft.steps.map((step) => [step.output, step]));
  const absorbed = new Set<DraftStep>();
  const steps = draft.steps.map((step) => {
    if (step.op.expression === undefined || step.inputs.length > maxInputs) return step;
    if (!step.shapes.every((shape, k) => isOwnShape(draft, step.inputs[k]!, shape) && sameShape(shape, step.outputShape)))
      return step;
    for (const input of step.inputs) {
      const maker = makers.get(input);
      if (maker === undefined || uses[input] !== 1 || absorbed.has(maker)) continue;
      const joined = append(step, maker);
      if (joined === undefined) continue;
      absorbed.add(maker);
      return joined;
    }
    return step;
  });
  return renumber(
    draft,
    steps.filter((step) => !absorbed.has(step)),
  );
}

function append(step: DraftStep, maker: DraftStep): DraftStep | undefined {
  const others = step.inputs.filter((input) => input !== maker.output);
  const formula = substitute(step.op.expression!(step.options), (k) => ({ input: others.indexOf(step.inputs[k]!) + 1 }));
  const joined = maker.op.followedBy?.(maker, formula);
  if (joined === undefined) return undefined;
  const inputs = [...maker.inputs, ...others];
  return {
    ...step,
    ...joined,
    label: maker.label,
    inputs,
    shapes: [...maker.shapes, ...others.map(() => step.outputShape)],
    layouts: inputs.map(() => 'logical' as const),
  };
}
