/**
 * Plan: a compiled tape, as plain data. The folder owns everything between a recorded graph and a device: collecting what to run,
 * compiling it, and running plans one after another. It knows ops only through the Op interface.
 */
import type { Op, OpOptions } from '../op.ts';
import { formatShape, type Shape } from '../shape.ts';
import type { Layout } from './layout.ts';

/** Where a value lies while the plan runs. */
export type Location =
  | { readonly in: 'feed'; readonly index: number }
  | { readonly in: 'state'; readonly index: number }
  | { readonly in: 'slot'; readonly index: number };

export interface PlanValue {
  readonly shape: Shape;
  readonly size: number;
  readonly location: Location;
}

export interface PlanStep {
  /** `layer1.0.conv1 / conv2d gradient of weight` */
  readonly label: string;
  readonly op: Op;
  readonly options: OpOptions;
  /** Indices into `values`, and their shapes as this op sees them (an alias may show one value under several shapes). */
  readonly inputs: readonly number[];
  readonly shapes: readonly Shape[];
  readonly output: number;
  readonly outputShape: Shape;
  /** The physical order of each input and of the output. */
  readonly layouts: readonly Layout[];
  readonly outputLayout: Layout;
  /** Slots that live during this step only. */
  readonly scratch: readonly number[];
}

export interface PlanState {
  readonly label: string;
  readonly shape: Shape;
  /** The value written at the end, if any. */
  readonly write: number | undefined;
  /** True when the step that makes the value writes straight into the State. */
  readonly direct: boolean;
}

/** A compiled tape as plain data; `explain` prints it. */
export interface Plan {
  /** What runs, in order. */
  readonly steps: readonly PlanStep[];
  /** Every array that a step reads or makes. */
  readonly values: readonly PlanValue[];
  /** The value of each feed, in the order in which they are handed to the device. */
  readonly feeds: readonly number[];
  /** The States that are read or written. */
  readonly states: readonly PlanState[];
  /** The values that are handed back to the host. */
  readonly reads: readonly number[];
  /** Sizes, in elements. A slot holds one value after another; together they are the arena. */
  readonly slots: readonly number[];
}

/** A short name for a step: label and op. */
export function stepName(step: Pick<PlanStep, 'label' | 'op'>): string {
  if (step.label === '') return step.op.name;
  return step.label.includes(' / ') ? step.label : `${step.label} / ${step.op.name}`;
}

/** Elements of the arena. */
export function arenaSize(plan: Plan): number {
  return plan.slots.reduce((sum, size) => sum + size, 0);
}

/** What a device knows of a plan's steps: milliseconds of the last run, and which algorithm each takes. */
export interface StepNotes {
  /** Milliseconds by step, where they were measured. */
  readonly times?: readonly number[] | undefined;
  /** Algorithms by step, where the device has several. */
  readonly algorithms?: readonly (string | undefined)[] | undefined;
}

/**
 * The plan as a table: a row a step, with its physical order where that is not the logical one, then the memory and what is written and
 * read. `lastPlan()` gives a plan and its notes.
 */
export function explain(plan: Plan, { times, algorithms }: StepNotes = {}, bytesPerElement = 4): string {
  const place = (value: number): string => {
    const { location } = plan.values[value]!;
    return location.in === 'state' ? plan.states[location.index]!.label : `${location.in} ${location.index}`;
  };
  const rows = plan.steps.map((step, k) => [
    String(k),
    step.label,
    algorithms?.[k] === undefined ? step.op.name : `${step.op.name}, ${algorithms[k]}`,
    step.shapes.map(formatShape).join(' '),
    `${formatShape(step.outputShape)}${step.outputLayout === 'channelsLast' ? ' nhwc' : ''}`,
    place(step.output),
    String(plan.values[step.output]!.size * bytesPerElement),
    times?.[k]?.toFixed(2) ?? '',
  ]);
  const written = plan.states.flatMap((state) =>
    state.write === undefined ? [] : [`${state.label} <- ${place(state.write)}${state.direct ? ' (in place)' : ''}`],
  );
  return [
    table([['step', 'label', 'op', 'inputs', 'output', 'where', 'bytes', 'ms'], ...rows]),
    `slots: ${plan.slots.length}, ${arenaSize(plan) * bytesPerElement} bytes`,
    `writes: ${written.length === 0 ? 'none' : ''}`,
    ...written.map((line) => `  ${line}`),
    `reads: ${plan.reads.map(place).join(', ') || 'none'}`,
  ].join('\n');
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
