/**
 * Gives every value a place. A value lives from the step that makes it to its last use; values whose lives do not meet share a slot.
 * Slots are filled largest value first, each going into the smallest slot that is free for all its life.
 *
 * Slots and not offsets into one block: WebGPU forbids reading and writing one buffer in the same dispatch. Devices with one block of
 * memory lay the slots out one after another.
 */
import type { Device } from '../devices/device.ts';
import { sameShape } from '../shape.ts';
import type { Draft, DraftStep } from './compile.ts';
import type { Location, Plan } from './plan.ts';

export interface Interval {
  readonly size: number;
  /** First and last step at which it must keep its content. */
  readonly from: number;
  readonly to: number;
}

export function planMemory(draft: Draft, device: Pick<Device, 'traits' | 'scratch'>): Plan {
  const lastUse = lastUses(draft);
  const direct = device.traits.writesStates ? directWrites(draft, lastUse) : new Map<number, number>();
  const intervals: Interval[] = [];
  const placed = new Map<number, number>();
  for (const [value, { from, size }] of draft.values.entries()) {
    if (from.kind !== 'step' || draft.steps[from.index]?.output !== value || direct.has(value)) continue;
    placed.set(value, intervals.push({ size, from: from.index, to: lastUse[value]! }) - 1);
  }
  const scratch = draft.steps.map((step, k) => device.scratch(step).map((size) => intervals.push({ size, from: k, to: k }) - 1));
  const { slots, slotOf } = assignSlots(intervals);

  const locations = draft.values.map(({ from }, value): Location => {
    const state = direct.get(value);
    if (state !== undefined) return { in: 'state', index: state };
    if (from.kind !== 'step') return { in: from.kind, index: from.index };
    const interval = placed.get(value);
    return { in: 'slot', index: interval === undefined ? -1 : slotOf[interval]! };
  });
  return {
    steps: draft.steps.map((step, k) => ({ ...step, scratch: scratch[k]!.map((interval) => slotOf[interval]!) })),
    values: draft.values.map(({ shape, size }, value) => ({ shape, size, location: locations[value]! })),
    feeds: draft.feeds,
    states: draft.states.map((state, index) => ({
      ...state,
      direct: state.write !== undefined && direct.get(state.write) === index,
    })),
    reads: draft.reads,
    slots,
  };
}

/** Puts intervals into as few and as small slots as a greedy pass finds; no two in one slot share a step. */
export function assignSlots(intervals: readonly Interval[]): { slots: number[]; slotOf: number[] } {
  const slots: { size: number; tenants: Interval[] }[] = [];
  const slotOf: number[] = new Array(intervals.length);
  const order = intervals.map((_, k) => k).sort((a, b) => intervals[b]!.size - intervals[a]!.size || a - b);
  for (const k of order) {
    const interval = intervals[k]!;
    const free = (tenant: Interval): boolean => tenant.to < interval.from || tenant.from > interval.to;
    let best = -1;
    for (let s = 0; s < slots.length; s++) {
      if (slots[s]!.tenants.every(free) && (best < 0 || slots[s]!.size < slots[best]!.size)) best = s;
    }
    if (best < 0) best = slots.push({ size: interval.size, tenants: [] }) - 1;
    slots[best]!.tenants.push(interval);
    slotOf[k] = best;
  }
  return { slots: slots.map((slot) => slot.size), slotOf };
}

/** The last step that reads each value; beyond the end for what is read back or written to a State. */
function lastUses({ steps, values, states, reads }: Draft): number[] {
  const last = values.map(({ from }) => (from.kind === 'step' ? from.index : -1));
  steps.forEach((step, k) => {
    for (const input of step.inputs) last[input] = k;
  });
  for (const { write } of states) if (write !== undefined) last[write] = steps.length;
  for (const value of reads) last[value] = steps.length;
  return last;
}

/**
 * Values that can be computed straight into the State they are assigned to, by value: no later step, read or other State needs the
 * old version, and the step that makes it either does not read the State or reads just the element it is about to write.
 */
function directWrites(draft: Draft, lastUse: readonly number[]): Map<number, number> {
  const direct = new Map<number, number>();
  const oldValue = new Map<number, number>();
  draft.values.forEach(({ from }, value) => {
    if (from.kind === 'state') oldValue.set(from.index, value);
  });
  draft.states.forEach(({ write }, index) => {
    if (write === undefined || direct.has(write)) return;
    const { from } = draft.values[write]!;
    if (from.kind !== 'step') return;
    const old = oldValue.get(index);
    if (
      old === undefined ||
      lastUse[old]! < from.index ||
      (lastUse[old] === from.index && readsInPlace(draft.steps[from.index]!, old))
    )
      direct.set(write, index);
  });
  return direct;
}

function readsInPlace(step: DraftStep, old: number): boolean {
  return (
    step.op.expression !== undefined &&
    step.inputs.every((input, k) => input !== old || sameShape(step.shapes[k]!, step.outputShape))
  );
}
