/**
 * The webasm driver: gpu.js generates the kernels, threads of ours run them over one shared memory a plan:
 *
 *     control words | feeds | States that the plan reads or writes | slots
 *
 * States rest on the host between plans and are copied in and out; against the arithmetic of a step that is little.
 */
import type { GPU } from 'gpu.js';
import type { HostArray } from '../../host.ts';
import { LruCache } from '../../plan/cache.ts';
import { type Location, type Plan, stepName } from '../../plan/plan.ts';
import type { State } from '../../state.ts';
import { DeviceError, type DeviceOptions, type PreparedPlan } from '../device.ts';
import { HostStates } from '../host-states.ts';
import { threadCount } from '../worker-pool.ts';
import type { GpuDriver } from './device.ts';
import { createGpu } from './gpu-js.ts';
import { MAX_ELEMENTS } from './kernel.ts';
import type { PlacedLaunch } from './program.ts';
import { type LaunchModule, TranslatedKernel } from './webasm-compile.ts';
import { LaunchError, LaunchPool } from './webasm-pool.ts';
import { CONTROL_BYTES } from './webasm-worker.ts';

/** Translations kept: several plans of the deepest networks. */
const MAX_KERNELS = 1024;
const MAX_BYTES = 2 ** 32 - 2 ** 21;

export async function openWebAssemblyDriver({ threads }: DeviceOptions): Promise<GpuDriver> {
  return new WebAssemblyDriver(await LaunchPool.start(await threadCount('webasm', threads)));
}

/** Byte offsets in a plan's memory. */
interface Layout {
  readonly feeds: readonly number[];
  readonly states: readonly number[];
  readonly slots: readonly number[];
  readonly totalBytes: number;
}

class WebAssemblyDriver implements GpuDriver {
  readonly maxElements = MAX_ELEMENTS;
  private readonly gpu: GPU = createGpu('webasm');
  private readonly kernels = new LruCache<TranslatedKernel>(MAX_KERNELS, () => undefined);
  private readonly states = new HostStates<Float32Array>(Float32Array);

  constructor(private readonly pool: LaunchPool) {}

  get threads(): number {
    return this.pool.threads;
  }

  async prepare(plan: Plan, launches: readonly PlacedLaunch[]): Promise<PreparedPlan> {
    const layout = layOut(plan);
    const modules = launches.map((launch) => this.compile(plan, layout, launch));
    const memory = new WebAssembly.Memory({ ...memoryLimits(modules, layout.totalBytes), shared: true });
    const id = this.pool.prepare({
      memory,
      launches: modules.map(({ module, math, cells, width }) => ({ module, math, cells, width })),
    });
    const times: number[] = new Array(plan.steps.length).fill(0);
    return {
      times,
      run: async (feeds, states) => {
        this.copyIn(plan, layout, memory, feeds, states);
        addTimes(times, await this.runLaunches(id, plan, launches), launches);
        return this.copyOut(plan, layout, memory, states);
      },
      release: () => this.pool.release(id),
    };
  }

  private compile(
    plan: Plan,
    layout: Layout,
    launch: PlacedLaunch,
  ): LaunchModule & { readonly initial: number; readonly maximum: number } {
    const key = [
      launch.kernel.source,
      launch.kernel.lanes,
      JSON.stringify(launch.constants),
      launch.inputSizes,
      launch.cells,
    ].join('|');
    try {
      const kernel = this.kernels.get(key) ?? new TranslatedKernel(this.gpu, launch);
      this.kernels.set(key, kernel);
      const place = {
        inputs: launch.inputs.map((input) => offsetOf(layout, input)),
        output: offsetOf(layout, launch.output),
        totalBytes: layout.totalBytes,
      };
      return kernel.place(place, true);
    } catch (error) {
      throw new DeviceError(`${stepName(plan.steps[launch.step]!)}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  private async runLaunches(id: number, plan: Plan, launches: readonly PlacedLaunch[]): Promise<Float64Array> {
    if (launches.length === 0) return new Float64Array(0);
    try {
      return await this.pool.run(id);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (error instanceof LaunchError)
        throw new DeviceError(`${stepName(plan.steps[launches[error.launch]!.step]!)}: ${message}`);
      throw new DeviceError(`webasm: ${message}; call useDevice('webasm') again and load the States from a checkpoint`);
    }
  }

  private copyIn(
    plan: Plan,
    layout: Layout,
    memory: WebAssembly.Memory,
    feeds: readonly HostArray[],
    states: readonly State[],
  ): void {
    feeds.forEach((feed, k) => new Float32Array(memory.buffer, layout.feeds[k]!, feed.length).set(feed));
    for (const { location, size } of plan.values) {
      if (location.in === 'state')
        new Float32Array(memory.buffer, layout.states[location.index]!, size).set(this.states.of(states[location.index]!));
    }
  }

  /** The values read, then the States written; `slice` takes them out of the shared memory. */
  private copyOut(plan: Plan, layout: Layout, memory: WebAssembly.Memory, states: readonly State[]): HostArray[] {
    const copy = (value: number): Float32Array => {
      const { location, size } = plan.values[value]!;
      return new Float32Array(memory.buffer, offsetOf(layout, location), size).slice();
    };
    const results = plan.reads.map(copy);
    plan.states.forEach(({ write }, k) => {
      if (write !== undefined) this.states.replace(states[k]!, copy(write));
    });
    return results;
  }

  async download(states: readonly State[]): Promise<HostArray[]> {
    return this.states.copies(states);
  }

  destroy(): void {
    this.kernels.clear();
    this.pool.destroy();
    void this.gpu.destroy();
  }
}

/** Everything one after another, at multiples of 16 bytes. Throws, naming the peak, when it exceeds what WebAssembly can address. */
function layOut(plan: Plan): Layout {
  let end = CONTROL_BYTES;
  const place = (size: number): number => {
    const at = end;
    end += Math.ceil((size * 4) / 16) * 16;
    return at;
  };
  const feeds = plan.feeds.map((value) => place(plan.values[value]!.size));
  const states = plan.states.map(({ shape }) => place(shape.reduce((size, length) => size * length, 1)));
  const slots = plan.slots.map(place);
  if (end > MAX_BYTES)
    throw new DeviceError(
      `webasm: this plan needs ${Math.ceil(end / 2 ** 20)} MiB, and WebAssembly addresses 4,096 MiB; use a smaller batch`,
    );
  return { feeds, states, slots, totalBytes: end };
}

function offsetOf({ feeds, states, slots }: Layout, { in: where, index }: Location): number {
  const offsets = where === 'feed' ? feeds : where === 'state' ? states : slots;
  return offsets[index]!;
}

/** What the modules declare; a plan without launches needs room for its feeds and States all the same. */
function memoryLimits(
  modules: readonly { readonly initial: number; readonly maximum: number }[],
  totalBytes: number,
): { initial: number; maximum: number } {
  const pages = Math.ceil(totalBytes / 65536);
  const { initial, maximum } = modules[0] ?? { initial: pages, maximum: pages };
  return { initial, maximum };
}

function addTimes(times: number[], byLaunch: Float64Array, launches: readonly PlacedLaunch[]): void {
  times.fill(0);
  launches.forEach(({ step }, k) => {
    times[step]! += byLaunch[k]!;
  });
}
