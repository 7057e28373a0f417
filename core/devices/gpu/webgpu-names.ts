/**
 * Names for what fails on a device: a whole plan, and an array of it.
 */
import { type Location, type Plan, stepName } from '../../plan/plan.ts';

/** The plan by its first and last step: `conv1 / conv2d ... fc.weight / sgdStep`. */
export function spanOf({ steps }: Plan): string {
  const ends = [steps.at(0), steps.at(-1)].flatMap((step) => (step === undefined ? [] : [stepName(step)]));
  return ends.length === 0 ? 'a plan without steps' : [...new Set(ends)].join(' ... ');
}

/** The step with the largest array in that place; the whole plan where no step uses it. */
export function userOf(plan: Plan, { in: where, index }: Location): string {
  const there = (value: number): boolean => {
    const { location } = plan.values[value]!;
    return location.in === where && location.index === index;
  };
  let largest = -1;
  let name = spanOf(plan);
  for (const step of plan.steps) {
    const scratch = where === 'slot' && step.scratch.includes(index) ? plan.slots[index]! : -1;
    const size = Math.max(scratch, ...[...step.inputs, step.output].filter(there).map((value) => plan.values[value]!.size));
    if (size <= largest) continue;
    largest = size;
    name = stepName(step);
  }
  return name;
}
