/**
 * The reference device: every op's textbook loops in float64, one after another. The oracle for the other devices, the gradient
 * checker and the debugger; no speed is promised. Slots lie one after another in one arena, as large as the largest plan so far.
 */
import type { HostArray } from '../host.ts';
import { type Plan, stepName } from '../plan/plan.ts';
import type { State } from '../state.ts';
import { Breather } from './breather.ts';
import { type Device, DeviceError, type DeviceOptions, type PreparedPlan } from './device.ts';
import { HostStates } from './host-states.ts';

export class ReferenceDevice implements Device {
  readonly name = 'reference';
  readonly bytesPerElement = 8;
  readonly traits = { fuseInputs: 0, fuseSteps: false, writesStates: true, layouts: false };
  private arena = new Float64Array(0);
  private readonly states = new HostStates(Float64Array);

  constructor(private readonly options: DeviceOptions = {}) {}

  scratch(): readonly number[] {
    return [];
  }

  async prepare(plan: Plan): Promise<PreparedPlan> {
    const offsets = slotOffsets(plan.slots);
    const times: number[] = new Array(plan.steps.length).fill(0);
    return { times, release: () => undefined, run: (feeds, states) => this.run(plan, offsets, times, feeds, states) };
  }

  private async run(
    plan: Plan,
    offsets: readonly number[],
    times: number[],
    feeds: readonly HostArray[],
    states: readonly State[],
  ): Promise<HostArray[]> {
    const arrays = this.bind(plan, offsets, feeds, states);
    const breather = new Breather();
    for (const [k, step] of plan.steps.entries()) {
      const started = performance.now();
      const output = arrays[step.output]!;
      try {
        step.op.reference({
          inputs: step.inputs.map((input) => arrays[input]!),
          output,
          shapes: step.shapes,
          outputShape: step.outputShape,
          options: step.options,
        });
      } catch (error) {
        throw new DeviceError(`${stepName(step)}: ${error instanceof Error ? error.message : String(error)}`);
      }
      if (this.options.stopAtNaN && output.some(Number.isNaN))
        throw new DeviceError(`${stepName(step)}: its output holds NaN, the first in this plan`);
      times[k] = performance.now() - started;
      await breather.breathe();
    }
    const results = plan.reads.map((value) => arrays[value]!.slice());
    plan.states.forEach(({ write, direct }, k) => {
      if (write !== undefined && !direct) this.states.of(states[k]!).set(arrays[write]!);
    });
    return results;
  }

  /** The array of each value: a feed, a State's own, or a piece of the arena. */
  private bind(plan: Plan, offsets: readonly number[], feeds: readonly HostArray[], states: readonly State[]): Float64Array[] {
    const needed = plan.slots.reduce((sum, size) => sum + size, 0);
    if (needed > this.arena.length) this.arena = new Float64Array(needed);
    return plan.values.map(({ location, size }) => {
      if (location.in === 'state') return this.states.of(states[location.index]!);
      if (location.in === 'slot') return this.arena.subarray(offsets[location.index]!, offsets[location.index]! + size);
      const feed = feeds[location.index]!;
      return feed instanceof Float64Array ? feed : Float64Array.from(feed);
    });
  }

  async download(states: readonly State[]): Promise<HostArray[]> {
    return this.states.copies(states);
  }

  destroy(): void {
    this.arena = new Float64Array(0);
  }
}

/** Where each slot begins when they lie one after another. */
export function slotOffsets(slots: readonly number[]): number[] {
  let end = 0;
  return slots.map((size) => {
    end += size;
    return end - size;
  });
}
