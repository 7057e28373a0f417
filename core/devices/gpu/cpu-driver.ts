/**
 * The cpu driver: gpu.js's JavaScript backend, for machines with nothing else and for tests. Every launch returns a fresh array on
 * the host; a slot holds it until its last use, so there is no arena.
 */
import type { GPU } from 'gpu.js';
import type { HostArray } from '../../host.ts';
import { LruCache } from '../../plan/cache.ts';
import { type Location, type Plan, stepName } from '../../plan/plan.ts';
import type { State } from '../../state.ts';
import { Breather } from '../breather.ts';
import { DeviceError, type PreparedPlan } from '../device.ts';
import { HostStates } from '../host-states.ts';
import type { GpuDriver } from './device.ts';
import { createGpu, createKernel, degradation } from './gpu-js.ts';
import { lastUseOfSlots, type PlacedLaunch } from './program.ts';

/** Compiled kernels kept: several plans of the deepest networks. */
const MAX_KERNELS = 1024;

type Call = (...arrays: Float32Array[]) => unknown;

export function openCpuDriver(): GpuDriver {
  return new CpuDriver();
}

class CpuDriver implements GpuDriver {
  /** Plain JavaScript indexes with float64, which is exact far beyond any array. */
  readonly maxElements = Number.POSITIVE_INFINITY;
  private readonly gpu: GPU = createGpu('cpu');
  private readonly kernels = new LruCache<Call>(MAX_KERNELS, () => undefined);
  private readonly states = new HostStates<Float32Array>(Float32Array);

  async prepare(plan: Plan, launches: readonly PlacedLaunch[]): Promise<PreparedPlan> {
    const calls = launches.map((launch) => this.compiled(launch));
    const times: number[] = new Array(plan.steps.length).fill(0);
    const lastUse = lastUseOfSlots(plan, launches);
    return {
      times,
      release: () => undefined,
      run: (feeds, states) => this.run(plan, launches, calls, lastUse, times, feeds, states),
    };
  }

  private compiled(launch: PlacedLaunch): Call {
    const key = [launch.kernel.source, JSON.stringify(launch.constants), launch.inputSizes, launch.cells].join('|');
    let call = this.kernels.get(key);
    if (call === undefined) {
      call = this.build(launch);
      this.kernels.set(key, call);
    }
    return call;
  }

  /** gpu.js compiles at the first call; only then can we see which backend it took. */
  private build(launch: PlacedLaunch): Call {
    const kernel = createKernel(this.gpu, launch.kernel, launch.constants, launch.cells);
    let checked = false;
    return (...arrays) => {
      const result: unknown = kernel(...arrays);
      if (!checked) {
        const reason = degradation(kernel, 'cpu');
        if (reason !== undefined) throw new Error(`internal: kernel ${launch.kernel.name} left backend cpu: ${reason}`);
        checked = true;
      }
      return result;
    };
  }

  private async run(
    plan: Plan,
    launches: readonly PlacedLaunch[],
    calls: readonly Call[],
    lastUse: readonly (readonly number[])[],
    times: number[],
    feeds: readonly HostArray[],
    states: readonly State[],
  ): Promise<HostArray[]> {
    const slots: (Float32Array | undefined)[] = new Array(plan.slots.length);
    const feedArrays = feeds.map((feed) => (feed instanceof Float32Array ? feed : Float32Array.from(feed)));
    const stateArrays = states.map((state) => this.states.of(state));
    const array = (location: Location): Float32Array => {
      if (location.in === 'feed') return feedArrays[location.index]!;
      return location.in === 'state' ? stateArrays[location.index]! : slots[location.index]!;
    };
    const breather = new Breather();
    times.fill(0);
    for (const [k, launch] of launches.entries()) {
      const started = performance.now();
      try {
        slots[launch.output.index] = flat(calls[k]!(...launch.inputs.map(array)), launch);
      } catch (error) {
        throw new DeviceError(`${stepName(plan.steps[launch.step]!)}: ${error instanceof Error ? error.message : String(error)}`);
      }
      for (const slot of lastUse[k]!) slots[slot] = undefined;
      times[launch.step]! += performance.now() - started;
      await breather.breathe();
    }
    const results = plan.reads.map((value) => array(plan.values[value]!.location).slice());
    plan.states.forEach(({ write }, k) => {
      if (write !== undefined) this.states.replace(states[k]!, array(plan.values[write]!.location).slice());
    });
    return results;
  }

  async download(states: readonly State[]): Promise<HostArray[]> {
    return this.states.copies(states);
  }

  destroy(): void {
    this.kernels.clear();
    void this.gpu.destroy();
  }
}

/** gpu.js gives nested arrays for cells along y and z and for four lanes. */
function flat(result: unknown, { kernel, size }: PlacedLaunch): Float32Array {
  if (result instanceof Float32Array && result.length === size) return result;
  const out = new Float32Array(size);
  if (gather(result, out, 0) !== size)
    throw new Error(`internal: kernel ${kernel.name} returned something else than ${size} numbers`);
  return out;
}

/** Where the next part goes. A cell of four lanes is an array of its own: element by element is the fastest way out of those. */
function gather(part: unknown, out: Float32Array, at: number): number {
  let end = at;
  if (part instanceof Float32Array) {
    for (let k = 0; k < part.length; k++) out[end++] = part[k]!;
    return end;
  }
  if (!Array.isArray(part)) return Number.NaN;
  for (let k = 0; k < part.length; k++) end = gather(part[k], out, end);
  return end;
}
