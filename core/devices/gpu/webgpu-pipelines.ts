/**
 * The compute pipelines of a WebGPU device, one for each kernel and its constants, whatever the sizes.
 */
import type { GPU as GpuJs } from 'gpu.js';
import { debug } from '../../debug.ts';
import { LruCache } from '../../plan/cache.ts';
import { DeviceError } from '../device.ts';
import type { PlacedLaunch } from './program.ts';
import { failureOf, type Health } from './webgpu-health.ts';
import { createTranslator, translate, type Wgsl, wgslKey } from './webgpu-wgsl.ts';

/** Pipelines kept: several plans of the deepest networks. */
const MAX_PIPELINES = 4096;

/** GPUShaderStage.COMPUTE, a global in browsers only. */
const COMPUTE = 0x4;

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  readonly workgroup: Wgsl['workgroup'];
}

export class Pipelines {
  private readonly cache = new LruCache<Pipeline>(MAX_PIPELINES, () => undefined);
  private readonly layouts = new Map<number, GPUBindGroupLayout>();
  private readonly translator: GpuJs;

  constructor(
    gpu: GPU,
    private readonly device: GPUDevice,
    private readonly health: Health,
  ) {
    this.translator = createTranslator(gpu);
  }

  /** A pipeline for each launch; those that are missing are built in parallel. Rejects, naming the step whose kernel fails. */
  async forLaunches(launches: readonly PlacedLaunch[], name: (launch: PlacedLaunch) => string): Promise<Pipeline[]> {
    const building = new Map<string, Promise<Pipeline>>();
    for (const launch of launches) {
      const key = wgslKey(launch);
      if (building.has(key)) continue;
      const known = this.cache.get(key);
      building.set(key, known === undefined ? this.build(launch, name(launch)) : Promise.resolve(known));
    }
    const built = new Map<string, Pipeline>();
    for (const [key, outcome] of zip([...building.keys()], await this.health.guard(Promise.allSettled(building.values())))) {
      if (outcome.status === 'rejected') throw outcome.reason;
      this.cache.set(key, outcome.value);
      built.set(key, outcome.value);
    }
    return launches.map((launch) => built.get(wgslKey(launch))!);
  }

  clear(): void {
    this.cache.clear();
    this.layouts.clear();
  }

  private async build(launch: PlacedLaunch, name: string): Promise<Pipeline> {
    const { code, workgroup } = this.translated(launch, name);
    const label = `${name}, kernel ${launch.kernel.name}`;
    debug(3, () => `${label}\n${code}`);
    const { result, failure } = this.health.scoped(() => {
      const layout = this.layout(launch.inputs.length);
      const module = this.device.createShaderModule({ code, label });
      const pipeline = this.device.createComputePipelineAsync({
        label,
        layout: this.device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: 'main' },
      });
      return { layout, pipeline };
    });
    const [found, made] = await Promise.allSettled([failure, result.pipeline]);
    if (found.status === 'fulfilled' && found.value !== undefined) throw failureOf(label, found.value);
    if (made.status === 'rejected') throw failureOf(label, { kind: 'validation', message: String(made.reason) });
    return { pipeline: made.value, layout: result.layout, workgroup };
  }

  private translated(launch: PlacedLaunch, name: string): Wgsl {
    try {
      return translate(this.translator, launch);
    } catch (error) {
      throw new DeviceError(`${name}, kernel ${launch.kernel.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Parameters, then the arrays read, then the one written. */
  private layout(inputs: number): GPUBindGroupLayout {
    let layout = this.layouts.get(inputs);
    if (layout === undefined) {
      const types: GPUBufferBindingType[] = [
        'uniform',
        ...new Array<'read-only-storage'>(inputs).fill('read-only-storage'),
        'storage',
      ];
      layout = this.device.createBindGroupLayout({
        entries: types.map((type, binding) => ({ binding, visibility: COMPUTE, buffer: { type } })),
      });
      this.layouts.set(inputs, layout);
    }
    return layout;
  }
}

function zip<A, B>(a: readonly A[], b: readonly B[]): [A, B][] {
  return a.map((item, k) => [item, b[k]!]);
}
