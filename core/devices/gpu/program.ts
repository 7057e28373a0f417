/**
 * A plan as the gpu.js drivers see it: one list of launches over feeds, States and slots.
 */
import type { Location, Plan, PlanStep } from '../../plan/plan.ts';
import { stepName } from '../../plan/plan.ts';
import { sizeOf } from '../../shape.ts';
import { DeviceError } from '../device.ts';
import type { Kernel, Launch, Operand } from './kernel.ts';

export interface PlacedLaunch {
  readonly kernel: Kernel;
  readonly constants: Launch['constants'];
  readonly inputs: readonly Location[];
  /** Elements of each input array as the kernel sees it. */
  readonly inputSizes: readonly number[];
  readonly output: Location;
  readonly cells: readonly number[];
  /** Elements of the output: cells times lanes. */
  readonly size: number;
  /** Index of the step it belongs to. */
  readonly step: number;
}

/**
 * All launches of a plan in order. Throws, naming the step, when an array has more elements than the driver's kernels can index
 * or a kernel would read more arrays than the driver binds.
 */
export function placeLaunches(
  plan: Plan,
  limits: { readonly maxElements: number; readonly maxInputs: number },
  device: string,
): PlacedLaunch[] {
  return plan.steps.flatMap((step, k) => {
    const call = { shapes: step.shapes, outputShape: step.outputShape, options: step.options };
    const program = step.op.gpu?.(call);
    if (program === undefined) throw new Error(`internal: op ${step.op.name} has no gpu.js kernels and was to be launched`);
    const placed = program.launches.map((launch) => place(plan, step, k, program.scratch, launch));
    for (const launch of placed) check(launch, step, limits, device);
    return placed;
  });
}

function place(plan: Plan, step: PlanStep, index: number, scratch: readonly number[], launch: Launch): PlacedLaunch {
  const location = (operand: Operand): Location => {
    if (operand === 'output') return plan.values[step.output]!.location;
    if ('scratch' in operand) return { in: 'slot', index: step.scratch[operand.scratch]! };
    return plan.values[step.inputs[operand.input]!]!.location;
  };
  const size = (operand: Operand): number => {
    if (operand === 'output') return plan.values[step.output]!.size;
    return 'scratch' in operand ? scratch[operand.scratch]! : plan.values[step.inputs[operand.input]!]!.size;
  };
  return {
    kernel: launch.kernel,
    constants: launch.constants,
    inputs: launch.inputs.map(location),
    inputSizes: launch.inputs.map(size),
    output: location(launch.output),
    cells: launch.cells,
    size: sizeOf(launch.cells) * launch.kernel.lanes,
    step: index,
  };
}

function check(
  launch: PlacedLaunch,
  step: PlanStep,
  { maxElements, maxInputs }: { maxElements: number; maxInputs: number },
  device: string,
): void {
  const largest = Math.max(launch.size, ...launch.inputSizes);
  if (largest > maxElements) {
    throw new DeviceError(
      `${stepName(step)}: an array of ${largest} elements was needed, but kernels on device ${device} index at most ${maxElements}; use a smaller batch, or the device cpu or reference`,
    );
  }
  if (launch.inputs.length > maxInputs)
    throw new DeviceError(
      `internal: ${stepName(step)}: kernel ${launch.kernel.name} reads ${launch.inputs.length} arrays, device ${device} binds ${maxInputs}`,
    );
}

/** For each launch, the slots that nothing needs after it; slots that are read or written to a State at the end are kept. */
export function lastUseOfSlots(plan: Plan, launches: readonly PlacedLaunch[]): number[][] {
  const kept = new Set<number>();
  for (const value of [...plan.reads, ...plan.states.flatMap(({ write }) => (write === undefined ? [] : [write]))]) {
    const { location } = plan.values[value]!;
    if (location.in === 'slot') kept.add(location.index);
  }
  const freed: number[][] = launches.map(() => []);
  const needed = new Set<number>(kept);
  for (let k = launches.length - 1; k >= 0; k--) {
    const { inputs, output } = launches[k]!;
    const used = inputs.flatMap((location) => (location.in === 'slot' ? [location.index] : []));
    for (const slot of new Set([...used, output.index])) {
      if (!needed.has(slot)) freed[k]!.push(slot);
      needed.add(slot);
    }
    if (!used.includes(output.index)) needed.delete(output.index);
  }
  return freed;
}
