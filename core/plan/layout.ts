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
  /** Copies in the other order, by value and the shape under which it is seen. */
  const converted = new Map<string, number>();

  for (const step of draft.steps) {
    const inputs = step.inputs.map((input, k) => inputOf(step, k, input));
    const inputLayouts = inputs.map((input) => layouts[input]!);
    layouts[step.output] = outputLayout(step, inputLayouts);
    addStep({ ...step, inputs, layouts: inputLayouts, outputLayout: layouts[step.output]! });
  }
  return {
    ...draft,
    reads: draft.reads.map((value) => logical(value, '')),
    states: draft.states.map((state) => ({
      ...state,
      write: state.write === undefined ? undefined : logical(state.write, state.label),
    })),
    steps,
    values,
  };

  /** An input as the op's kernels take it. An alias, seen under another shape than it was made with, is made logical before anything. */
  function inputOf({ op, shapes, label }: DraftStep, k: number, input: number): number {
    const shape = shapes[k]!;
    const alias = !sameShape(values[input]!.shape, shape);
    const value = alias ? logical(input, label) : input;
    const rule = op.layout ?? LOGICAL;
    if (isSame(shape) || rule === 'any') return value;
    return inLayout(value, shape, rule.inputs[Math.min(k, rule.inputs.length - 1)]!, label);
  }

  function logical(value: number, label: string): number {
    return inLayout(value, values[value]!.shape, 'logical', label);
  }

  function outputLayout({ op, outputShape }: DraftStep, inputLayouts: readonly Layout[]): Layout {
    if (isSame(outputShape)) return 'logical';
    const rule = op.layout ?? LOGICAL;
    if (rule !== 'any') return rule.output;
    return inputLayouts.includes('channelsLast') ? 'channelsLast' : 'logical';
  }

  /** The value in the order wanted: itself, or a copy that every later step shares. */
  function inLayout(value: number, shape: Shape, layout: Layout, label: string): number {
    if (layouts[value] === layout) return value;
    const key = `${value} ${shape}`;
    const known = converted.get(key);
    if (known !== undefined) return known;
    const { size } = values[value]!;
    const copy = values.push({ shape, size, from: { kind: 'step', index: steps.length } }) - 1;
    const op = layout === 'logical' ? toLogical : toChannelsLast;
    converted.set(key, copy);
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
