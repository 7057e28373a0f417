/**
 * Chooses the physical order of 4-D values for devices that compute channels-last, and adds a conversion step wherever an op needs the
 * other order. Feeds, States and values that are read stay logical; so does a value that an op sees under another shape (an alias).
 */
import { toChannelsLast, toLogical } from '../ops/layout/layout.ts';
import { type Shape, sameShape } from '../shape.ts';
import type { Draft, DraftStep, DraftValue } from './compile.ts';

/** The physical order of a value [n, c, h, w]: as its shape says, or with the channels of a pixel side by side, [n, h, w, c]. */
export type Layout = 'logical' | 'channelsLast';

/** Which orders an op's kernels take. `any`: every mixture; a 4-D output is channels-last where an input is. */
export type LayoutRule = 'any' | { readonly inputs: readonly Layout[]; readonly output: Layout };

/** Whether both orders put the elements at the same places; then a value counts as logical. */
function isSame(shape: Shape): boolean {
  return shape.length !== 4 || shape[1] === 1 || shape[2]! * shape[3]! === 1;
}

export function assignLayouts(draft: Draft): Draft {
  const values: DraftValue[] = [...draft.values];
  const layouts: Layout[] = draft.values.map(() => 'logical');
  const steps: DraftStep[] = [];
  const converted = new Map<number, number>();

  for (const step of draft.steps) {
    const inputs = step.inputs.map((input, k) => inLayout(input, wanted(step, k), step.label));
    const inputLayouts = inputs.map((input) => layouts[input]!);
    layouts[step.output] = outputLayout(step, inputLayouts);
    addStep({ ...step, inputs, layouts: inputLayouts, outputLayout: layouts[step.output]! });
  }
  return {
    ...draft,
    reads: draft.reads.map((value) => inLayout(value, 'logical', '')),
    states: draft.states.map((state) => ({
      ...state,
      write: state.write === undefined ? undefined : inLayout(state.write, 'logical', state.label),
    })),
    steps,
    values,
  };

  function wanted({ op, inputs, shapes }: DraftStep, k: number): Layout {
    const value = values[inputs[k]!]!;
    if (isSame(value.shape) || !sameShape(value.shape, shapes[k]!)) return 'logical';
    const rule = op.layout ?? LOGICAL;
    if (rule === 'any') return layouts[inputs[k]!]!;
    return rule.inputs[Math.min(k, rule.inputs.length - 1)]!;
  }

  function outputLayout({ op, outputShape }: DraftStep, inputLayouts: readonly Layout[]): Layout {
    if (isSame(outputShape)) return 'logical';
    const rule = op.layout ?? LOGICAL;
    if (rule !== 'any') return rule.output;
    return inputLayouts.includes('channelsLast') ? 'channelsLast' : 'logical';
  }

  /** The value in the order wanted: itself, or a copy that every later step shares. */
  function inLayout(value: number, layout: Layout, label: string): number {
    if (layouts[value] === layout) return value;
    const known = converted.get(value);
    if (known !== undefined) return known;
    const { shape, size } = values[value]!;
    const copy = values.push({ shape, size, from: { kind: 'step', index: steps.length } }) - 1;
    const op = layout === 'logical' ? toLogical : toChannelsLast;
    converted.set(value, copy);
    const from = layouts[value]!;
    layouts[copy] = layout;
    addStep({
      label,
      op,
      options: {},
      inputs: [value],
      shapes: [shape],
      output: copy,
      outputShape: shape,
      layouts: [from],
      outputLayout: layout,
    });
    return copy;
  }

  function addStep(step: DraftStep): void {
    values[step.output] = { ...values[step.output]!, from: { kind: 'step', index: steps.length } };
    steps.push(step);
  }
}

const LOGICAL: LayoutRule = { inputs: ['logical'], output: 'logical' };
