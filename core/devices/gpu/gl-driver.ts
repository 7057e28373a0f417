/**
 * The GL driver: webgl2 in browsers and headlessgl in Node. A launch draws one picture; its pixels are the elements of an array. Slots
 * hold textures until their last use in a plan, States from plan to plan. What is drawn is only computed when something is read.
 */
import type { GPU, IKernelRunShortcut } from 'gpu.js';
import type { HostArray } from '../../host.ts';
import { LruCache } from '../../plan/cache.ts';
import { type Location, type Plan, stepName } from '../../plan/plan.ts';
import type { State } from '../../state.ts';
import { Breather, turn } from '../breather.ts';
import { DeviceError, type PreparedPlan } from '../device.ts';
import { measuringSteps } from '../measure.ts';
import type { GpuDriver } from './device.ts';
import { type Gl, GlArray, GlArrays, sidesOf } from './gl-arrays.ts';
import { openContext } from './gl-context.ts';
import { GlStates } from './gl-states.ts';
import { buildGlKernel, callGlKernel, createGlKernel, createGpu, degradation, type GlBackend, setGlOutput } from './gpu-js.ts';
import { MAX_ELEMENTS } from './kernel.ts';
import { lastUseOfSlots, type PlacedLaunch } from './program.ts';
import { spanOf } from './webgpu-names.ts';

/** Compiled programs kept; each is memory of the graphics driver. */
const MAX_KERNELS = 1024;

export async function openGlDriver(backend: GlBackend): Promise<GlDriver> {
  const { gl, gpuJs } = await openContext(backend);
  return new GlDriver(backend, gl, createGpu(backend, gpuJs));
}

export class GlDriver implements GpuDriver {
  readonly maxElements: number;
  readonly arrays: GlArrays;
  private readonly states: GlStates;
  private readonly canvas = { width: 1, height: 1 };
  private readonly kernels = new LruCache<IKernelRunShortcut>(MAX_KERNELS, destroyKernel);

  constructor(
    private readonly backend: GlBackend,
    readonly gl: Gl,
    private readonly gpu: GPU,
  ) {
    // Sides may differ by two, so the last rows and columns are left to them.
    const side: unknown = gl.getParameter(gl.MAX_TEXTURE_SIZE);
    this.maxElements = Math.min(MAX_ELEMENTS, 4 * (Number(side) - 1) ** 2);
    this.arrays = new GlArrays(gl);
    this.states = new GlStates(this.arrays);
  }

  async prepare(plan: Plan, launches: readonly PlacedLaunch[]): Promise<PreparedPlan> {
    const calls = launches.map((launch) => ({ launch, key: keyOf(launch) }));
    const breather = new Breather();
    for (const { launch, key } of calls) {
      this.during(plan, launch, () => this.kernel(launch, key));
      await breather.breathe();
    }
    const lastUse = lastUseOfSlots(plan, launches);
    let measured: readonly number[] | undefined;
    return {
      get times() {
        return measured;
      },
      run: async (feeds, states) => {
        measured = undefined;
        const times = measuringSteps() ? new Array<number>(plan.steps.length).fill(0) : undefined;
        const values = await this.run(plan, calls, lastUse, feeds, states, times);
        measured = times;
        return values;
      },
      release: () => this.arrays.trim(),
    };
  }

  private async run(
    plan: Plan,
    calls: readonly { readonly launch: PlacedLaunch; readonly key: string }[],
    lastUse: readonly (readonly number[])[],
    feeds: readonly HostArray[],
    states: readonly State[],
    times: number[] | undefined,
  ): Promise<HostArray[]> {
    this.check(spanOf(plan));
    const slots: (GlArray | undefined)[] = new Array(plan.slots.length);
    const given: GlArray[] = [];
    const put = (slot: number, array: GlArray | undefined): void => {
      const old = slots[slot];
      slots[slot] = array;
      if (old !== undefined) this.arrays.release(old);
    };
    try {
      for (const feed of feeds) given.push(this.arrays.upload(feed));
      const held = states.map((state) => this.states.of(state));
      const array = ({ in: where, index }: Location): GlArray =>
        (where === 'feed' ? given : where === 'state' ? held : slots)[index]!;
      const breather = new Breather();
      const measure = times && (await this.stopwatch(plan, times));
      for (const [k, { launch, key }] of calls.entries()) {
        this.during(plan, launch, () => put(launch.output.index, this.launch(launch, key, launch.inputs.map(array))));
        for (const slot of lastUse[k]!) put(slot, undefined);
        if (calls[k + 1]?.launch.step !== launch.step) await measure?.(launch.step);
        await breather.breathe();
      }
      await this.finish(spanOf(plan));
      const results = plan.reads.map((value) => this.arrays.download(array(plan.values[value]!.location)));
      this.check(spanOf(plan));
      const written = plan.states.flatMap(({ write }, k) =>
        write === undefined ? [] : [{ state: states[k]!, value: array(plan.values[write]!.location) }],
      );
      this.states.replace(written);
      return results;
    } finally {
      for (const slot of slots.keys()) put(slot, undefined);
      for (const feed of given) this.arrays.release(feed);
    }
  }

  /** Fills in a step's time when its last launch is drawn: it waits until that is computed. */
  private async stopwatch(plan: Plan, times: number[]): Promise<(step: number) => Promise<void>> {
    await this.finish(spanOf(plan));
    let started = performance.now();
    return async (step) => {
      await this.finish(stepName(plan.steps[step]!));
      times[step] = performance.now() - started;
      started = performance.now();
    };
  }

  private launch(launch: PlacedLaunch, key: string, inputs: readonly GlArray[]): GlArray {
    const wrong = inputs.findIndex(({ elements }, k) => elements !== launch.inputSizes[k]);
    if (wrong >= 0) throw new Error(`internal: kernel ${launch.kernel.name} was built for another size of input ${wrong}`);
    const kernel = this.kernel(launch, key);
    const output = this.arrays.take(launch.size);
    try {
      setGlOutput(kernel, output);
      callGlKernel(kernel, inputs);
    } catch (error) {
      this.arrays.release(output);
      throw error;
    }
    return output;
  }

  private kernel(launch: PlacedLaunch, key: string): IKernelRunShortcut {
    const known = this.kernels.get(key);
    if (known !== undefined) return known;
    const { gl, canvas, backend } = this;
    const { size } = launch;
    const kernel = createGlKernel(this.gpu, launch.kernel, launch.constants, launch.cells, { context: gl, canvas, size });
    setGlOutput(kernel, new GlArray(gl, null, size));
    const sides = buildGlKernel(
      kernel,
      launch.inputSizes.map((elements) => new GlArray(gl, null, elements)),
    );
    const reason = degradation(kernel, backend) ?? (sides.join() === sidesOf(size).join() ? undefined : `sides ${sides}`);
    if (reason !== undefined) throw new Error(`internal: kernel ${launch.kernel.name} left backend ${backend}: ${reason}`);
    this.kernels.set(key, kernel);
    return kernel;
  }

  async download(states: readonly State[]): Promise<HostArray[]> {
    await this.finish('download of States');
    const values = states.map((state) => this.states.download(state));
    this.check('download of States');
    return values;
  }

  /** Waits until everything is computed, with turns for timers where the context can tell; then looks for errors. */
  private async finish(what: string): Promise<void> {
    const { gl } = this;
    if ('fenceSync' in gl) {
      const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
      gl.flush();
      while (fence !== null && !gl.isContextLost() && gl.clientWaitSync(fence, 0, 0) === gl.TIMEOUT_EXPIRED) await turn();
      gl.deleteSync(fence);
    } else {
      gl.finish();
    }
    this.check(what);
    const error = gl.getError();
    if (error === gl.OUT_OF_MEMORY) throw new DeviceError(`${what}: OpenGL ran out of memory; use a smaller batch`);
    if (error !== gl.NO_ERROR) throw new DeviceError(`${what}: OpenGL reported error 0x${error.toString(16)}`);
  }

  /** A context that is lost computes zeros and says nothing. */
  private check(what: string): void {
    if (!this.gl.isContextLost()) return;
    const { backend } = this;
    throw new DeviceError(
      `${what}: the ${backend} context was lost (the GPU was reset, or the system took it away); call useDevice('${backend}') again and load the States from a checkpoint`,
    );
  }

  /** Runs what belongs to a launch; failures carry its step's name. */
  private during(plan: Plan, launch: PlacedLaunch, body: () => void): void {
    const name = stepName(plan.steps[launch.step]!);
    try {
      body();
    } catch (error) {
      this.check(name);
      throw new DeviceError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    this.check(name);
  }

  /** Losing the context frees everything that is in it. */
  destroy(): void {
    this.kernels.clear();
    this.arrays.trim();
    this.gl.getExtension('WEBGL_lose_context')?.loseContext();
    this.gl.getExtension('STACKGL_destroy_context')?.destroy();
  }
}

function keyOf({ kernel, constants, inputSizes, cells }: PlacedLaunch): string {
  return [kernel.source, kernel.lanes, JSON.stringify(constants), inputSizes, cells.join('x')].join('|');
}

function destroyKernel(kernel: IKernelRunShortcut): void {
  Reflect.set(kernel.kernel, 'texture', null);
  kernel.destroy(false);
}
