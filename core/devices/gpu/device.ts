/**
 * The gpu device: plans run as kernels that gpu.js compiles from the ops' gpu.ts. What differs between its backends is in a driver
 * each; a driver asserts that the backend it asked for is the one that runs.
 */
import { debug } from '../../debug.ts';
import type { HostArray } from '../../host.ts';
import { type Plan, stepName } from '../../plan/plan.ts';
import type { State } from '../../state.ts';
import { type Device, DeviceError, type DeviceOptions, type PreparedPlan, type ScratchCall } from '../device.ts';
import { prepareWithHostSteps } from '../host-steps.ts';
import { openCpuDriver } from './cpu-driver.ts';
import { openGlDriver } from './gl-driver.ts';
import { type PlacedLaunch, placeLaunches } from './program.ts';
import { openWebAssemblyDriver } from './webasm-driver.ts';
import { openWebGpuDriver } from './webgpu-driver.ts';

/** What a driver does with the launches of a plan. */
export interface GpuDriver {
  readonly maxElements: number;
  readonly threads?: number;
  prepare(plan: Plan, launches: readonly PlacedLaunch[]): Promise<PreparedPlan>;
  download(states: readonly State[]): Promise<HostArray[]>;
  destroy(): void;
}

export type GpuDriverName = 'cpu' | 'webasm' | 'webgpu' | 'webgl2' | 'headlessgl';

/** Arrays a kernel may read: WebGPU's default of 8 storage buffers, less the output. */
const MAX_INPUTS = 7;

export class GpuDevice implements Device {
  readonly bytesPerElement = 4;
  readonly traits = { fuseInputs: MAX_INPUTS, fuseSteps: false, writesStates: false, layouts: false };

  private constructor(
    readonly name: GpuDriverName,
    private readonly driver: GpuDriver,
  ) {}

  /** Rejects with a sentence when the backend cannot run here. */
  static async open(name: GpuDriverName, options: DeviceOptions = {}): Promise<GpuDevice> {
    return new GpuDevice(name, await openDriver(name, options));
  }

  get threads(): number | undefined {
    return this.driver.threads;
  }

  scratch(step: ScratchCall): readonly number[] {
    try {
      return step.op.gpu?.(step).scratch ?? [];
    } catch (error) {
      throw new DeviceError(`${stepName(step)}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  prepare(plan: Plan): Promise<PreparedPlan> {
    return prepareWithHostSteps(
      plan,
      ({ op }) => op.gpu === undefined,
      (piece) => this.prepareKernels(piece),
    );
  }

  private async prepareKernels(plan: Plan): Promise<PreparedPlan> {
    const launches = placeLaunches(plan, { maxElements: this.driver.maxElements, maxInputs: MAX_INPUTS }, this.name);
    debug(3, () => `kernels of the plan:\n${kernelSources(launches)}`);
    return this.driver.prepare(plan, launches);
  }

  download(states: readonly State[]): Promise<HostArray[]> {
    return this.driver.download(states);
  }

  destroy(): void {
    this.driver.destroy();
  }
}

/** Each kernel once, as gpu.js gets it. */
function kernelSources(launches: readonly PlacedLaunch[]): string {
  const sources = new Map(launches.map(({ kernel }) => [kernel.source, kernel.name]));
  return [...sources].map(([source, name]) => `// ${name}\n${source}`).join('\n');
}

async function openDriver(name: GpuDriverName, options: DeviceOptions): Promise<GpuDriver> {
  if (name === 'webgpu') return openWebGpuDriver();
  if (name === 'webgl2' || name === 'headlessgl') return openGlDriver(name);
  return name === 'webasm' ? openWebAssemblyDriver(options) : openCpuDriver();
}
