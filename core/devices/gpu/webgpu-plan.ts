/**
 * One plan on a WebGPU device. A run is one command encoder, submitted once:
 *
 *     feeds -> queue.writeBuffer
 *     one compute pass: a dispatch for each launch, in order        (while steps are measured: a pass for each step)
 *     copies: what is read -> staging;  new values -> States        (reads first: a read of a State is its old value)
 *     one mapAsync of the staging buffer
 *
 * Everything up to the submit is one synchronous stretch, so two runs never meet in the pooled buffers. Only where steps are measured without
 * timestamps each is submitted and waited for by itself.
 */
import type { HostArray } from '../../host.ts';
import type { Plan } from '../../plan/plan.ts';
import type { State } from '../../state.ts';
import { DeviceError, type PreparedPlan } from '../device.ts';
import { measuringSteps } from '../measure.ts';
import type { PlacedLaunch } from './program.ts';
import { type Failure, failureOf, type Health } from './webgpu-health.ts';
import { type Locate, WebGpuLaunches } from './webgpu-launches.ts';
import type { DeviceMemory } from './webgpu-memory.ts';
import { spanOf, userOf } from './webgpu-names.ts';
import type { Pipeline } from './webgpu-pipelines.ts';
import { bytesOf, type Piece, type Readback } from './webgpu-readback.ts';
import { PassTimer } from './webgpu-timer.ts';

/** What a plan uses of its device. */
export interface WebGpuContext {
  readonly device: GPUDevice;
  readonly health: Health;
  readonly memory: DeviceMemory;
  readonly readback: Readback;
}

export class WebGpuPlan implements PreparedPlan {
  times: readonly number[] | undefined;
  private readonly launches: WebGpuLaunches;
  private timer: PassTimer | undefined;

  constructor(
    private readonly context: WebGpuContext,
    private readonly plan: Plan,
    launches: readonly PlacedLaunch[],
    pipelines: readonly Pipeline[],
  ) {
    const { device, memory } = context;
    const most = device.limits.maxBufferSize;
    const read = bytesOf(plan.reads.map((value) => plan.values[value]!));
    if (read > most)
      throw new DeviceError(
        `${spanOf(this.plan)}: ${read} bytes are read back at once, but the device webgpu stages ${most}; read less in one tick`,
      );
    this.launches = new WebGpuLaunches(device, memory, plan, launches, pipelines);
  }

  async run(feeds: readonly HostArray[], states: readonly State[]): Promise<HostArray[]> {
    this.context.health.check();
    await this.reserve(states);
    this.times = undefined;
    if (!measuringSteps()) return this.runOnce(feeds, states, undefined);
    const { device } = this.context;
    if (!device.features.has('timestamp-query')) return this.runStepwise(feeds, states);
    this.timer ??= new PassTimer(device, this.plan.steps.length);
    return this.runOnce(feeds, states, this.timer);
  }

  private async runOnce(
    feeds: readonly HostArray[],
    states: readonly State[],
    timer: PassTimer | undefined,
  ): Promise<HostArray[]> {
    const { health } = this.context;
    const { result, failure } = health.scoped(() => {
      this.upload(feeds);
      return this.submit(states, timer);
    });
    const outcome = await health.outcome(failure, result);
    if (outcome.found !== undefined) throw await this.diagnose(outcome.found, states);
    if (timer !== undefined) this.times = timer.times(outcome.values.at(-1)!);
    return outcome.values.slice(0, this.plan.reads.length);
  }

  /** Milliseconds from each submit to its end. The copies that follow are no step. */
  private async runStepwise(feeds: readonly HostArray[], states: readonly State[]): Promise<HostArray[]> {
    const { device, health } = this.context;
    const locate = this.locator(states);
    const times: number[] = new Array(this.plan.steps.length).fill(0);
    const work = async <T>(name: string, body: () => Promise<T>): Promise<T> => {
      const { result, failure } = health.scoped(body);
      const outcome = await health.outcome(failure, result);
      if (outcome.found !== undefined) throw failureOf(name, outcome.found);
      return outcome.values;
    };
    await work(spanOf(this.plan), async () => this.upload(feeds));
    for (const { step, from, to } of this.launches.bySteps) {
      const started = performance.now();
      await work(this.launches.name(from), () => {
        this.launches.submit(from, to, locate);
        return device.queue.onSubmittedWorkDone();
      });
      times[step] = performance.now() - started;
    }
    const values = await work(spanOf(this.plan), () => this.finish(device.createCommandEncoder(), locate, undefined));
    this.times = times;
    return values;
  }

  release(): void {
    this.launches.destroy();
    this.timer?.destroy();
  }

  private async reserve(states: readonly State[]): Promise<void> {
    const { memory } = this.context;
    const sizes = this.plan.feeds.map((value) => this.plan.values[value]!.size);
    await memory.reserve(memory.slots, this.plan.slots, (slot) => userOf(this.plan, { in: 'slot', index: slot }));
    await memory.reserve(memory.feeds, sizes, (feed) => userOf(this.plan, { in: 'feed', index: feed }));
    await memory.reserveStates(states);
  }

  private upload(feeds: readonly HostArray[]): void {
    const { memory } = this.context;
    for (const [k, feed] of feeds.entries()) memory.upload(memory.feeds[k]!, feed);
  }

  /** Records and submits everything; returns the values read, to come, and behind them what the timer reads. */
  private submit(states: readonly State[], timer: PassTimer | undefined): Promise<Float32Array[]> {
    const locate = this.locator(states);
    const encoder = this.context.device.createCommandEncoder();
    if (timer === undefined) {
      const pass = encoder.beginComputePass();
      this.launches.record(pass, 0, this.launches.count, locate);
      pass.end();
    } else {
      for (const { step, from, to } of this.launches.bySteps) {
        const pass = timer.begin(encoder, step, from === 0);
        this.launches.record(pass, from, to, locate);
        pass.end();
      }
    }
    return this.finish(encoder, locate, timer);
  }

  /** Records the copies that end a run, and submits. */
  private finish(encoder: GPUCommandEncoder, locate: Locate, timer: PassTimer | undefined): Promise<Float32Array[]> {
    const { device, readback } = this.context;
    const piece = (value: number): Piece => {
      const { location, size } = this.plan.values[value]!;
      return { buffer: locate(location), size };
    };
    const timestamps = timer === undefined ? [] : [timer.resolve(encoder)];
    const fetch = readback.stage(encoder, [...this.plan.reads.map(piece), ...timestamps]);
    this.plan.states.forEach(({ write }, index) => {
      if (write === undefined) return;
      const { buffer: from, size } = piece(write);
      encoder.copyBufferToBuffer(from, 0, locate({ in: 'state', index }), 0, 4 * size);
    });
    device.queue.submit([encoder.finish()]);
    return fetch();
  }

  private locator(states: readonly State[]): Locate {
    const { memory } = this.context;
    const stateBuffers = states.map((state) => memory.state(state)!);
    return (location) => {
      if (location.in === 'state') return stateBuffers[location.index]!;
      return (location.in === 'slot' ? memory.slots : memory.feeds)[location.index]!;
    };
  }

  /**
   * Finds the step behind a failed run by submitting its launches one by one. That is safe: they write slots alone, and the copies
   * to the States were not done, since a submit is refused as a whole.
   */
  private async diagnose(failure: Failure, states: readonly State[]): Promise<DeviceError> {
    const { health } = this.context;
    this.launches.unbind();
    const locate = this.locator(states);
    for (let k = 0; k < this.launches.count; k++) {
      const found = await health.guard(health.scoped(() => this.launches.submit(k, k + 1, locate)).failure);
      if (found !== undefined) return failureOf(this.launches.name(k), found);
    }
    return failureOf(spanOf(this.plan), failure);
  }
}
