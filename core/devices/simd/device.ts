/**
 * The simd device: plans run as WebAssembly SIMD kernels of the ops' simd.ts, on threads over one shared memory, or on the calling thread
 * where no memory can be shared. States live in that memory; slots and feeds lie in one arena there, as large as the largest plan that has
 * run needs.
 */
import { debug } from '../../debug.ts';
import type { HostArray } from '../../host.ts';
import { type Plan, stepName } from '../../plan/plan.ts';
import { sizeOf } from '../../shape.ts';
import type { State } from '../../state.ts';
import {
  type Device,
  DeviceError,
  type DeviceOptions,
  MemoryError,
  type MemoryNeed,
  type PreparedPlan,
  type ScratchCall,
} from '../device.ts';
import { prepareWithHostSteps } from '../host-steps.ts';
import { canShareMemory, notShared } from '../thread.ts';
import { checkCount, threadCount, WorkerPool } from '../worker-pool.ts';
import { emitModule, hasSimd } from './emit/index.ts';
import type { SimdProgram } from './kernel.ts';
import { blockBytes, EngineMemory, gibibytes } from './memory.ts';
import { SimdPlan } from './plan.ts';
import { WORKER_SOURCE } from './worker.ts';

/** Arrays that a fused element-wise kernel reads: more gain little, and registers are few. */
const FUSE_INPUTS = 6;

/** What a thread answers: times by launch from the first, or the launch that failed. */
export interface Answer {
  readonly times?: Float64Array;
  readonly failed?: number;
  readonly message?: string;
}

interface Region {
  readonly address: number;
  readonly bytes: number;
}

const NOWHERE: Region = { address: 0, bytes: 0 };

export class SimdDevice implements Device {
  readonly name = 'simd';
  readonly bytesPerElement = 4;
  readonly traits = { fuseInputs: FUSE_INPUTS, fuseSteps: true, writesStates: true, layouts: true };
  private readonly states = new Map<WeakRef<State>, Region>();
  private readonly references = new WeakMap<State, WeakRef<State>>();
  private readonly dropped = new FinalizationRegistry<WeakRef<State>>((reference) => this.forget(reference));
  private arena = NOWHERE;
  private threadScratch = NOWHERE;
  private readonly relaxed = hasSimd('relaxed');
  readonly kernelForm = this.relaxed ? 'relaxed multiply-add' : 'multiply, then add';
  private nextPlan = 0;

  private constructor(
    readonly memory: EngineMemory,
    readonly pool: WorkerPool<Answer>,
    readonly options: DeviceOptions,
  ) {}

  /**
   * Computes on threads where they can share memory, else on the calling thread. Rejects with a sentence where more threads are asked for
   * than that, or where there is no memory, or no WebAssembly: some browsers switch it off for safety.
   */
  static async open(options: DeviceOptions = {}, shared = canShareMemory()): Promise<SimdDevice> {
    if (!hasSimd('plain'))
      throw new Error(
        'useDevice: simd needs WebAssembly with SIMD, which is missing here or switched off; use webgpu, webgl2 or cpu',
      );
    if (!shared) return SimdDevice.openInPlace(options);
    const threads = await threadCount('simd', options.threads);
    const memory = new EngineMemory(true);
    const data = Array.from({ length: threads }, (_, index) => ({ index, threads, memory: memory.memory }));
    return new SimdDevice(memory, await WorkerPool.start<Answer>('simd', WORKER_SOURCE, data), options);
  }

  private static openInPlace(options: DeviceOptions): SimdDevice {
    if (checkCount(options.threads ?? 1) > 1) throw notShared('simd', 'leave the number of threads out to compute on one');
    const memory = new EngineMemory(false);
    const data = { index: 0, threads: 1, memory: memory.memory };
    return new SimdDevice(memory, WorkerPool.inPlace<Answer>(WORKER_SOURCE, data), options);
  }

  get threads(): number {
    return this.pool.threads;
  }

  scratch(step: ScratchCall): readonly number[] {
    return isOnHost(step) ? [] : programOf(step).scratch;
  }

  memoryNeed(plan: Plan): MemoryNeed {
    const sizes = [
      ...plan.slots,
      ...plan.feeds.map((value) => plan.values[value]!.size),
      ...plan.states.map(({ shape }) => sizeOf(shape)),
    ];
    return { bytes: sizes.reduce((sum, size) => sum + blockBytes(size), 0), limit: this.memory.maximumBytes };
  }

  prepare(plan: Plan): Promise<PreparedPlan> {
    return prepareWithHostSteps(plan, isOnHost, (piece) => this.prepareKernels(piece), this.options.stopAtNaN);
  }

  private async prepareKernels(plan: Plan): Promise<PreparedPlan> {
    const { bytes: need, limit } = this.memoryNeed(plan);
    if (need > limit)
      throw new MemoryError(
        `simd: this plan needs ${gibibytes(need)}, and the memory of the device holds ${gibibytes(limit)}; use a smaller batch`,
      );
    const programs = plan.steps.map(programOf);
    const kernels = new Map(programs.flatMap(({ launches }) => launches.map(({ kernel }) => [kernel.name, kernel])));
    const started = performance.now();
    const bytes = emitModule({ relaxed: this.relaxed, shared: this.memory.shared }, [...kernels.values()]);
    const module = await WebAssembly.compile(bytes);
    debug(
      2,
      () =>
        `${kernels.size} kernels, ${bytes.length} bytes, in ${(performance.now() - started).toFixed(1)} ms to emit and compile`,
    );
    const id = this.nextPlan++;
    const names = [...kernels.keys()];
    const prepared = new SimdPlan(this, id, plan, programs, new Map(names.map((name, k) => [name, k])));
    this.pool.tell({ kind: 'prepare', id, module, names }); // only now: a plan that does not fit leaves nothing with the threads
    return prepared;
  }

  async download(states: readonly State[]): Promise<HostArray[]> {
    return states.map((state) => this.memory.floats(this.addressOf(state), state.size).slice());
  }

  /** Where a State lies. One that was never here brings its `host` value along. */
  addressOf(state: State): number {
    const known = this.references.get(state);
    if (known !== undefined) return this.states.get(known)!.address;
    const bytes = blockBytes(state.size);
    const address = this.memory.allocate(bytes, state.label);
    const reference = new WeakRef(state);
    this.references.set(state, reference);
    this.states.set(reference, { address, bytes });
    this.dropped.register(state, reference);
    const values = this.memory.floats(address, state.size);
    if (state.host === undefined) values.fill(0);
    else values.set(state.host);
    return address;
  }

  private forget(reference: WeakRef<State>): void {
    const region = this.states.get(reference);
    if (region === undefined) return;
    this.states.delete(reference);
    this.drop(region);
  }

  /** The arena's address, after making it large enough. */
  arenaFor(bytes: number): number {
    if (bytes > this.arena.bytes) {
      this.drop(this.arena);
      this.arena = NOWHERE; // and stays so where there is no room
      this.arena = { address: this.memory.allocate(bytes, `a plan whose arena takes ${gibibytes(bytes)}`), bytes };
    }
    return this.arena.address;
  }

  /** An address for each thread. */
  scratchFor(bytesPerThread: number): number[] {
    const each = blockBytes(Math.ceil(bytesPerThread / 4));
    const bytes = each * this.threads;
    if (bytes > this.threadScratch.bytes) {
      this.drop(this.threadScratch);
      this.threadScratch = NOWHERE;
      this.threadScratch = { address: this.memory.allocate(bytes, 'the scratch memory of the threads'), bytes };
    }
    return Array.from({ length: this.threads }, (_, index) => this.threadScratch.address + each * index);
  }

  private drop({ address, bytes }: Region): void {
    if (bytes > 0) this.memory.release(address, bytes);
  }

  destroy(): void {
    this.pool.destroy();
  }
}

function isOnHost({ op }: Pick<ScratchCall, 'op'>): boolean {
  return op.simd === undefined;
}

/** The kernels of a step. Throws a DeviceError that names the step. */
function programOf(step: ScratchCall): SimdProgram {
  try {
    if (step.op.simd === undefined) throw new Error('internal: it has no simd kernels and was to be launched');
    const program = step.op.simd(step);
    for (const { kernel, args } of program.launches) {
      if (args.length + 1 !== kernel.parameters)
        throw new Error(`internal: kernel ${kernel.name} takes ${kernel.parameters} parameters, ${args.length + 1} given`);
    }
    return program;
  } catch (error) {
    throw new DeviceError(`${stepName(step)}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
