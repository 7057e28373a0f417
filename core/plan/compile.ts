/**
 * From a recording to a plan: nodes become steps and values, then the passes run: fuse, layout (where the device has more than one),
 * memory.
 *
 *     recording -> draft (steps over numbered values) -> fuse -> layout -> memory -> plan
 */
import { debug } from '../debug.ts';
import type { Device } from '../devices/device.ts';
import { copy } from '../ops/pointwise/pointwise.ts';
import { formatShape, type Shape, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import type { Recording } from './collect.ts';
import { fuse } from './fuse.ts';
import { assignLayouts } from './layout.ts';
import { planMemory } from './memory.ts';
import type { Plan, PlanStep } from './plan.ts';

/** A step before memory is planned. */
export type DraftStep = Omit<PlanStep, 'scratch'>;

export interface DraftValue {
  readonly shape: Shape;
  readonly size: number;
  readonly from: { readonly kind: 'feed' | 'state' | 'step'; readonly index: number };
}

export interface DraftState {
  readonly label: string;
  readonly shape: Shape;
  readonly write: number | undefined;
}

/** A plan whose values have no place yet. */
export interface Draft {
  readonly steps: readonly DraftStep[];
  readonly values: readonly DraftValue[];
  readonly feeds: readonly number[];
  readonly states: readonly DraftState[];
  readonly reads: readonly number[];
}

export function compile(recording: Recording, device: Pick<Device, 'traits' | 'scratch'>): Plan {
  const draft = draftOf(recording);
  debug(4, () => `the tape as steps:\n${formatDraft(draft)}`);
  const fused = fuse(draft, device.traits);
  debug(4, () => `after fuse:\n${formatDraft(fused)}`);
  if (!device.traits.layouts) return planMemory(fused, device);
  const laidOut = assignLayouts(fused);
  debug(4, () => `after layout:\n${formatDraft(laidOut)}`);
  return planMemory(laidOut, device);
}

/** A line a step: `%12 = conv2d(%3, %5) [8, 16, 32, 32]  layer1.0.conv1`. */
function formatDraft({ steps }: Draft): string {
  return steps
    .map(({ op, inputs, output, outputShape, label }) => {
      const call = `${op.name}(${inputs.map((input) => `%${input}`).join(', ')})`;
      return `%${output} = ${call} ${formatShape(outputShape)}${label === '' ? '' : `  ${label}`}`;
    })
    .join('\n');
}

/** Numbers the values and lists the steps, in the order in which they were recorded. */
export function draftOf(recording: Recording): Draft {
  const steps: DraftStep[] = [];
  const values: DraftValue[] = [];
  const feeds: number[] = [];
  const numberOf = new Map<Tensor, number>();
  const stateIndex = new Map(recording.states.map((state, k) => [state, k]));
  const value = (tensor: Tensor): number => numberOf.get(recording.resolve(tensor))!;
  const newValue = (shape: Shape, kind: DraftValue['from']['kind'], index: number): number =>
    values.push({ shape, size: sizeOf(shape), from: { kind, index } }) - 1;

  for (const node of recording.nodes) {
    const { source, shape } = node;
    if (source.kind === 'state') {
      numberOf.set(node, newValue(shape, 'state', stateIndex.get(source.state)!));
    } else if (source.kind !== 'op') {
      numberOf.set(node, newValue(shape, 'feed', feeds.length));
      feeds.push(values.length - 1);
    } else if (source.op.alias) {
      numberOf.set(node, value(source.inputs[0]!));
    } else {
      numberOf.set(node, newValue(shape, 'step', steps.length));
      const inputs = source.inputs.map(value);
      const shapes = source.inputs.map((input) => input.shape);
      steps.push({
        label: node.label,
        op: source.op,
        options: source.options,
        inputs,
        shapes,
        output: values.length - 1,
        outputShape: shape,
        layouts: inputs.map(() => 'logical'),
        outputLayout: 'logical',
      });
    }
  }

  const writeOf = new Map(recording.writes.map(({ state, value: tensor }) => [state, value(tensor)]));
  const states = recording.states.map((state) => ({
    label: state.label,
    shape: state.shape,
    write: ownValue(writeOf.get(state), state.shape),
  }));
  return { steps, values, feeds, states, reads: recording.reads.map(value) };

  /** What one State gets from another is copied first: the other may be overwritten in the same plan. */
  function ownValue(written: number | undefined, shape: Shape): number | undefined {
    if (written === undefined || values[written]!.from.kind !== 'state') return written;
    const output = newValue(shape, 'step', steps.length);
    steps.push({
      label: '',
      op: copy,
      options: {},
      inputs: [written],
      shapes: [shape],
      output,
      outputShape: shape,
      layouts: ['logical'],
      outputLayout: 'logical',
    });
    return output;
  }
}
