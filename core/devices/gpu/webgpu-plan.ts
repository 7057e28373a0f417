/**
 * One plan on a WebGPU device. A run is one command encoder, submitted once:
 *
 *     feeds -> queue.writeBuffer
 *     one compute pass: a dispatch for each launch, in order
 *     copies: what is read -> staging;  new values -> States      (reads first: a read of a State is its old value)
 *     one mapAsync of the staging buffer
 *
 * Everything up to the submit is one synchronous stretch, so two runs never meet in the pooled buffers.
 */
import type { HostArray } from '../../host.ts';
import { type Location, type Plan, stepName } from '../../plan/plan.ts';
import type { State } from '../../state.ts';
import { DeviceError, type PreparedPlan } from '../device.ts';
import type { PlacedLaunch } from './program.ts';
import { type Failure, failureOf, type Health } from './webgpu-health.ts';
import type { DeviceMemory } from './webgpu-memory.ts';
import { spanOf, userOf } from './webgpu-names.ts';
import type { Pipeline } from './webgpu-pipelines.ts';
import { bytesOf, type Piece, type Readback } from './webgpu-readback.ts';
import { dispatchOf, PARAMS_STRIDE, paramsOf } from './webgpu-wgsl.ts';

/** What a plan uses of its device. */
export interface WebGpuContext {
  readonly device: GPUDevice;
  readonly health: Health;
  readonly memory: DeviceMemory;
  readonly readback: Readback;
}

interface Bound {
  readonly buffers: readonly GPUBuffer[];
  readonly group: GPUBindGroup;
}

export class WebGpuPlan implements PreparedPlan {
  readonly times = undefined;
  private readonly groups: readonly (readonly [number, number, number])[];
  private readonly params: GPUBuffer | undefined;
  /** By launch: made when first needed, and again when one of its buffers is another one. */
  private bound: (Bound | undefined)[] = [];

  constructor(
    private readonly context: WebGpuContext,
    private readonly plan: Plan,
    private readonly launches: readonly PlacedLaunch[],
    private readonly pipelines: readonly Pipeline[],
  ) {
    const { device, memory } = context;
    const dispatches = launches.map((launch, k) => this.dispatch(launch, pipelines[k]!));
    this.groups = dispatches.map(({ groups }) => groups);
    const params = paramsOf(launches, dispatches);
    const most = device.limits.maxBufferSize;
    const read = bytesOf(plan.reads.map((value) => plan.values[value]!));
    if (read > most)
      throw new DeviceError(
        `${spanOf(this.plan)}: ${read} bytes are read back at once, but the device webgpu stages ${most}; read less in one tick`,
      );
    if (launches.length > 0) this.params = memory.uniform(params, 'parameters of a plan');
  }

  async run(feeds: readonly HostArray[], states: readonly State[]): Promise<HostArray[]> {
    const { health, memory } = this.context;
    health.check();
    await this.reserve(states);
    const { result: fetched, failure } = health.scoped(() => {
      for (const [k, feed] of feeds.entries()) memory.upload(memory.feeds[k]!, feed);
      return this.submit(states);
    });
    const outcome = await health.outcome(failure, fetched);
    if (outcome.found === undefined) return outcome.values;
    throw await this.diagnose(outcome.found, states);
  }

  release(): void {
    this.params?.destroy();
    this.bound = [];
  }

  private dispatch(launch: PlacedLaunch, { workgroup }: Pipeline): ReturnType<typeof dispatchOf> {
    const most = this.context.device.limits.maxComputeWorkgroupsPerDimension;
    const dispatch = dispatchOf(launch.cells, workgroup, most);
    if (Math.max(...dispatch.groups) <= most) return dispatch;
    throw new DeviceError(
      `${this.name(launch)}: kernel ${launch.kernel.name} needs ${dispatch.groups.join(' x ')} workgroups, but the device webgpu starts ${most} along an axis; use a smaller batch`,
    );
  }

  private async reserve(states: readonly State[]): Promise<void> {
    const { memory } = this.context;
    const sizes = this.plan.feeds.map((value) => this.plan.values[value]!.size);
    await memory.reserve(memory.slots, this.plan.slots, (slot) => userOf(this.plan, { in: 'slot', index: slot }));
    await memory.reserve(memory.feeds, sizes, (feed) => userOf(this.plan, { in: 'feed', index: feed }));
    await memory.reserveStates(states);
  }

  /** Records and submits everything; returns the values read, to come. */
  private submit(states: readonly State[]): Promise<Float32Array[]> {
    const { device, readback } = this.context;
    const buffer = this.locator(states);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let k = 0; k < this.launches.length; k++) this.record(pass, k, buffer);
    pass.end();
    const piece = (value: number): Piece => ({
      buffer: buffer(this.plan.values[value]!.location),
      size: this.plan.values[value]!.size,
    });
    const fetch = readback.stage(encoder, this.plan.reads.map(piece));
    this.plan.states.forEach(({ write }, index) => {
      if (write === undefined) return;
      const { buffer: from, size } = piece(write);
      encoder.copyBufferToBuffer(from, 0, buffer({ in: 'state', index }), 0, 4 * size);
    });
    device.queue.submit([encoder.finish()]);
    return fetch();
  }

  private record(pass: GPUComputePassEncoder, k: number, buffer: (location: Location) => GPUBuffer): void {
    const [x, y, z] = this.groups[k]!;
    pass.setPipeline(this.pipelines[k]!.pipeline);
    pass.setBindGroup(0, this.bindGroup(k, buffer));
    pass.dispatchWorkgroups(x, y, z);
  }

  private bindGroup(k: number, buffer: (location: Location) => GPUBuffer): GPUBindGroup {
    const { inputs, inputSizes, output, size } = this.launches[k]!;
    const buffers = [...inputs.map(buffer), buffer(output)];
    const known = this.bound[k];
    if (known?.buffers.every((each, b) => each === buffers[b])) return known.group;
    const sizes = [...inputSizes, size];
    const group = this.context.device.createBindGroup({
      label: this.name(this.launches[k]!),
      layout: this.pipelines[k]!.layout,
      entries: [
        { binding: 0, resource: { buffer: this.params!, offset: k * PARAMS_STRIDE, size: PARAMS_STRIDE } },
        ...buffers.map((each, b) => ({ binding: 1 + b, resource: { buffer: each, size: 4 * sizes[b]! } })),
      ],
    });
    this.bound[k] = { buffers, group };
    return group;
  }

  private locator(states: readonly State[]): (location: Location) => GPUBuffer {
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
    const { device, health } = this.context;
    this.bound = [];
    const buffer = this.locator(states);
    for (const [k, launch] of this.launches.entries()) {
      const { failure: own } = health.scoped(() => {
        const encoder = device.createCommandEncoder();
        const pass = encoder.beginComputePass();
        this.record(pass, k, buffer);
        pass.end();
        device.queue.submit([encoder.finish()]);
      });
      const found = await health.guard(own);
      if (found !== undefined) return failureOf(this.name(launch), found);
    }
    return failureOf(spanOf(this.plan), failure);
  }

  private name({ step }: PlacedLaunch): string {
    return stepName(this.plan.steps[step]!);
  }
}
