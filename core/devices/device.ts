/**
 * Device: runs plans. The folder owns how numbers are computed and where they are kept; it does not know gradients, modules or
 * optimizers, and it sees an op only as its reference loops or its kernels.
 */
import type { HostArray } from '../host.ts';
import type { OpCall, OpOptions } from '../op.ts';
import type { Plan, PlanStep } from '../plan/plan.ts';
import type { State } from '../state.ts';

/** What the compiler may do for a device. */
export interface DeviceTraits {
  /** Chains of element-wise steps become one step that reads at most this many arrays; 0 leaves them apart. */
  readonly fuseInputs: number;
  /** Whether an element-wise step may become part of the step before or after it, where that has such a form (Op.followedBy, precededBy). */
  readonly fuseSteps: boolean;
  /** A step may write straight into the State whose new value it makes. */
  readonly writesStates: boolean;
  /** Whether 4-D values may lie channels-last: the layout pass decides where. */
  readonly layouts: boolean;
}

/** What `useDevice` may be told; a device ignores what does not concern it. */
export interface DeviceOptions {
  /** reference and simd: ends a run at the first step whose output holds a NaN, naming the step; false by default. */
  readonly stopAtNaN?: boolean;
  /**
   * simd and webasm: how many threads compute; by default as many as the variable TAPEGRAD_THREADS says, or as there are cores. A page that
   * is not cross-origin isolated has memory for one alone: there simd computes on the thread that calls it, so call it from a worker.
   */
  readonly threads?: number;
}

export interface Device {
  /** As given to `useDevice`: `reference`, `simd`, `cpu`, `webasm`, `webgpu`, `webgl2`, `headlessgl`. */
  readonly name: string;
  /** Where kernels have several forms that round differently: which one this machine runs. */
  readonly kernelForm?: string;
  /** How many threads compute; undefined on devices that know nothing of threads. */
  readonly threads?: number | undefined;
  readonly bytesPerElement: 4 | 8;
  readonly traits: DeviceTraits;
  /** Sizes, in elements, of the extra arrays that a step needs while it runs. */
  scratch(step: ScratchCall): readonly number[];
  /** What a plan takes, and what there is; where the device knows. */
  memoryNeed?(plan: Plan): MemoryNeed;
  /** Builds whatever running this plan takes. Rejects with a sentence naming the step that cannot run here. */
  prepare(plan: Plan): Promise<PreparedPlan>;
  /** The values of States that live on this device. */
  download(states: readonly State[]): Promise<HostArray[]>;
  /** Frees everything; the device is not used afterwards. */
  destroy(): void;
}

/** The memory of a plan beside that of its device, in bytes. */
export interface MemoryNeed {
  /** What the plan takes, feeds and States included. */
  readonly bytes: number;
  /** The most that the device can hold. */
  readonly limit: number;
}

export type ScratchCall = Pick<PlanStep, 'op' | 'label' | 'layouts' | 'outputLayout'> & OpCall<OpOptions>;

export interface PreparedPlan {
  /**
   * Uploads the feeds, runs every step, takes the values read, then writes the States (a value read may be the old version of one),
   * in the plan's orders. A State that this device has not seen is taken from its `host` value. Rejects, naming the step where it is known, when anything failed.
   */
  run(feeds: readonly HostArray[], states: readonly State[]): Promise<HostArray[]>;
  /** Milliseconds by step of the last run, where they were measured: on GPUs only on demand (measure.ts). */
  readonly times: readonly number[] | undefined;
  /** Which algorithm each step takes, where the device has several. */
  readonly algorithms?: readonly (string | undefined)[];
  release(): void;
}

/** A failure while a plan ran, with the step's name in front. */
export class DeviceError extends Error {
  /** `DeviceError`, or `MemoryError`. */
  override readonly name: string = 'DeviceError';
}

/** A plan, or a State, that the memory of a device cannot hold. */
export class MemoryError extends DeviceError {
  /** `MemoryError` */
  override readonly name = 'MemoryError';
}
