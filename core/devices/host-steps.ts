/**
 * Runs ops that have no kernels for a device: their reference loops on the host, with everything else of the plan where it belongs. An op
 * of a user's own needs nothing but those loops to run everywhere; each costs a trip to the host and back.
 */
import type { HostArray } from '../host.ts';
import { cut, type Piece } from '../plan/cut.ts';
import { type Plan, type PlanStep, stepName } from '../plan/plan.ts';
import type { State } from '../state.ts';
import { DeviceError, type PreparedPlan } from './device.ts';

interface PreparedPiece extends Piece {
  readonly prepared: PreparedPlan;
}

/** Prepares a plan whose steps run through `prepare`, but for those that `onHost` names. */
export async function prepareWithHostSteps(
  plan: Plan,
  onHost: (step: PlanStep) => boolean,
  prepare: (plan: Plan) => Promise<PreparedPlan>,
  stopAtNaN = false,
): Promise<PreparedPlan> {
  const pieces: PreparedPiece[] = [];
  for (const piece of cut(plan, onHost)) pieces.push({ ...piece, prepared: await prepare(piece.plan) });
  return pieces.length === 1 ? pieces[0]!.prepared : new PlanInPieces(plan, pieces, stopAtNaN);
}

class PlanInPieces implements PreparedPlan {
  /** Milliseconds of the host's steps, by step. */
  private readonly hostTimes = new Map<number, number>();

  constructor(
    private readonly plan: Plan,
    private readonly pieces: readonly PreparedPiece[],
    private readonly stopAtNaN: boolean,
  ) {}

  async run(feeds: readonly HostArray[], states: readonly State[]): Promise<HostArray[]> {
    const onHost = new Map(this.plan.feeds.map((value, k) => [value, feeds[k]!]));
    for (const { plan, prepared, from, hostStep } of this.pieces) {
      const given = plan.feeds.map((value) => onHost.get(value)!);
      const results = await prepared.run(given, states);
      plan.reads.forEach((value, k) => onHost.set(value, results[k]!));
      if (hostStep === undefined) return results;
      const started = performance.now();
      onHost.set(hostStep.output, this.runOnHost(hostStep, onHost));
      this.hostTimes.set(from + plan.steps.length, performance.now() - started);
    }
    throw new Error('internal: a plan in pieces has no last piece');
  }

  private runOnHost(step: PlanStep, values: ReadonlyMap<number, HostArray>): Float32Array {
    const output = new Float64Array(this.plan.values[step.output]!.size);
    const inputs = step.inputs.map((input) => Float64Array.from(values.get(input)!));
    const { shapes, outputShape, options } = step;
    try {
      step.op.reference({ inputs, output, shapes, outputShape, options });
    } catch (error) {
      throw new DeviceError(`${stepName(step)}: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (this.stopAtNaN && output.some(Number.isNaN))
      throw new DeviceError(`${stepName(step)}: its output holds NaN, the first in this plan`);
    return Float32Array.from(output);
  }

  get times(): readonly number[] | undefined {
    if (this.pieces.some(({ prepared }) => prepared.times === undefined)) return undefined;
    const times = this.plan.steps.map((_, step) => this.hostTimes.get(step) ?? 0);
    for (const { plan, prepared, from } of this.pieces) plan.steps.forEach((_, k) => (times[from + k] = prepared.times![k]!));
    return times;
  }

  get algorithms(): readonly (string | undefined)[] {
    const algorithms: (string | undefined)[] = this.plan.steps.map(() => 'reference, on the host');
    for (const { plan, prepared, from } of this.pieces)
      plan.steps.forEach((_, k) => (algorithms[from + k] = prepared.algorithms?.[k]));
    return algorithms;
  }

  release(): void {
    for (const { prepared } of this.pieces) prepared.release();
  }
}
