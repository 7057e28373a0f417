/** The launches of a plan with all that is made for them on a WebGPU device: parameters, sizes of dispatches, bind groups. */
import { type Location, type Plan, stepName } from '../../plan/plan.ts';
import { DeviceError } from '../device.ts';
import type { PlacedLaunch } from './program.ts';
import type { DeviceMemory } from './webgpu-memory.ts';
import type { Pipeline } from './webgpu-pipelines.ts';
import { dispatchOf, PARAMS_STRIDE, paramsOf } from './webgpu-wgsl.ts';

interface Bound {
  readonly buffers: readonly GPUBuffer[];
  readonly group: GPUBindGroup;
}

/** Where the buffer of each place is in the run that is being recorded. */
export type Locate = (location: Location) => GPUBuffer;

/** The launches `from` to `to` that belong to one step. */
export interface StepLaunches {
  readonly step: number;
  readonly from: number;
  readonly to: number;
}

export class WebGpuLaunches {
  /** Steps that launch nothing are not among them. */
  readonly bySteps: readonly StepLaunches[];
  private readonly groups: readonly (readonly [number, number, number])[];
  private readonly params: GPUBuffer | undefined;
  /** By launch: made when first needed, and again when one of its buffers is another one. */
  private bound: (Bound | undefined)[] = [];

  constructor(
    private readonly device: GPUDevice,
    memory: DeviceMemory,
    private readonly plan: Plan,
    private readonly launches: readonly PlacedLaunch[],
    private readonly pipelines: readonly Pipeline[],
  ) {
    const dispatches = launches.map((launch, k) => this.dispatch(launch, pipelines[k]!));
    this.groups = dispatches.map(({ groups }) => groups);
    this.bySteps = cutBySteps(launches);
    if (launches.length > 0) this.params = memory.uniform(paramsOf(launches, dispatches), 'parameters of a plan');
  }

  get count(): number {
    return this.launches.length;
  }

  record(pass: GPUComputePassEncoder, from: number, to: number, locate: Locate): void {
    for (let k = from; k < to; k++) {
      const [x, y, z] = this.groups[k]!;
      pass.setPipeline(this.pipelines[k]!.pipeline);
      pass.setBindGroup(0, this.bindGroup(k, locate));
      pass.dispatchWorkgroups(x, y, z);
    }
  }

  /** Records and submits some launches by themselves. */
  submit(from: number, to: number, locate: Locate): void {
    const encoder = this.device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    this.record(pass, from, to, locate);
    pass.end();
    this.device.queue.submit([encoder.finish()]);
  }

  /** The name of the step that a launch belongs to. */
  name(k: number): string {
    return this.nameOf(this.launches[k]!);
  }

  /** Lets go of the bind groups: they are made anew when they are needed. */
  unbind(): void {
    this.bound = [];
  }

  destroy(): void {
    this.params?.destroy();
    this.unbind();
  }

  private dispatch(launch: PlacedLaunch, { workgroup }: Pipeline): ReturnType<typeof dispatchOf> {
    const most = this.device.limits.maxComputeWorkgroupsPerDimension;
    const dispatch = dispatchOf(launch.cells, workgroup, most);
    if (Math.max(...dispatch.groups) <= most) return dispatch;
    throw new DeviceError(
      `${this.nameOf(launch)}: kernel ${launch.kernel.name} needs ${dispatch.groups.join(' x ')} workgroups, but the device webgpu starts ${most} along an axis; use a smaller batch`,
    );
  }

  private bindGroup(k: number, locate: Locate): GPUBindGroup {
    const { inputs, inputSizes, output, size } = this.launches[k]!;
    const buffers = [...inputs.map(locate), locate(output)];
    const known = this.bound[k];
    if (known?.buffers.every((each, b) => each === buffers[b])) return known.group;
    const sizes = [...inputSizes, size];
    const group = this.device.createBindGroup({
      label: this.name(k),
      layout: this.pipelines[k]!.layout,
      entries: [
        { binding: 0, resource: { buffer: this.params!, offset: k * PARAMS_STRIDE, size: PARAMS_STRIDE } },
        ...buffers.map((each, b) => ({ binding: 1 + b, resource: { buffer: each, size: 4 * sizes[b]! } })),
      ],
    });
    this.bound[k] = { buffers, group };
    return group;
  }

  private nameOf({ step }: PlacedLaunch): string {
    return stepName(this.plan.steps[step]!);
  }
}

/** Runs of launches of one step each. */
function cutBySteps(launches: readonly PlacedLaunch[]): StepLaunches[] {
  const first = launches.flatMap(({ step }, k) => (k === 0 || launches[k - 1]!.step !== step ? [{ step, from: k }] : []));
  return first.map(({ step, from }, k) => ({ step, from, to: first[k + 1]?.from ?? launches.length }));
}
