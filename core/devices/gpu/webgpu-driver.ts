/**
 * The driver webgpu: gpu.js writes each kernel's WGSL, and plans run on a device of our own, one submit a run.
 */
import type { HostArray } from '../../host.ts';
import { type Plan, stepName } from '../../plan/plan.ts';
import type { State } from '../../state.ts';
import type { PreparedPlan } from '../device.ts';
import type { GpuDriver } from './device.ts';
import { MAX_ELEMENTS } from './kernel.ts';
import type { PlacedLaunch } from './program.ts';
import { Health } from './webgpu-health.ts';
import { DeviceMemory } from './webgpu-memory.ts';
import { Pipelines } from './webgpu-pipelines.ts';
import { WebGpuPlan } from './webgpu-plan.ts';
import { Readback } from './webgpu-readback.ts';
import { findGpu, requestAdapter } from './webgpu-runtime.ts';

/** Takes whatever adapter answers. Rejects with a sentence where none does. */
export async function openWebGpuDriver(): Promise<WebGpuDriver> {
  const adapter = await requestAdapter();
  if (adapter === null)
    throw new Error(
      'useDevice: webgpu found no adapter: no GPU driver (Vulkan, Metal or Direct3D 12) answered; use auto or simd',
    );
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  const device = await adapter.requestDevice({
    requiredLimits: { maxBufferSize, maxStorageBufferBindingSize },
    requiredFeatures: adapter.features.has('timestamp-query') ? ['timestamp-query'] : [],
  });
  return new WebGpuDriver(await findGpu(), device);
}

export class WebGpuDriver implements GpuDriver {
  readonly maxElements: number;
  readonly health: Health;
  readonly memory: DeviceMemory;
  readonly readback: Readback;
  private readonly pipelines: Pipelines;

  constructor(
    gpu: GPU,
    readonly device: GPUDevice,
  ) {
    const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
    this.maxElements = Math.min(MAX_ELEMENTS, Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize) / 4));
    this.health = new Health(device);
    this.memory = new DeviceMemory(device, this.health);
    this.readback = new Readback(device, this.health);
    this.pipelines = new Pipelines(gpu, device, this.health);
  }

  async prepare(plan: Plan, launches: readonly PlacedLaunch[]): Promise<PreparedPlan> {
    this.health.check();
    const pipelines = await this.pipelines.forLaunches(launches, ({ step }) => stepName(plan.steps[step]!));
    return new WebGpuPlan(this, plan, launches, pipelines);
  }

  async download(states: readonly State[]): Promise<HostArray[]> {
    this.health.check();
    return this.readback.download(states, this.memory);
  }

  /** Destroying the device frees all of its buffers. */
  destroy(): void {
    this.pipelines.clear();
    this.device.destroy();
  }
}
