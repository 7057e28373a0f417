/**
 * The webgpu driver without the program around it, so that tests can look at its GPUDevice; and ops that exist for tests only.
 */
import { describe, it } from 'vitest';
import type { Device } from '../../core/devices/device.ts';
import { type KernelFunction, kernel, type Launch } from '../../core/devices/gpu/kernel.ts';
import { placeLaunches } from '../../core/devices/gpu/program.ts';
import { openWebGpuDriver, type WebGpuDriver } from '../../core/devices/gpu/webgpu-driver.ts';
import { type Op, record } from '../../core/op.ts';
import { type Shape, sizeOf } from '../../core/shape.ts';
import type { Tensor } from '../../core/tensor.ts';

/** The driver as a device, which `evaluate` takes. */
export function deviceOf(driver: WebGpuDriver): Device {
  return {
    name: 'webgpu',
    bytesPerElement: 4,
    traits: { fuseInputs: 0, fuseSteps: false, writesStates: false, layouts: false },
    scratch: ({ op, ...call }) => op.gpu?.(call).scratch ?? [],
    prepare: async (plan) =>
      driver.prepare(plan, placeLaunches(plan, { maxElements: driver.maxElements, maxInputs: 7 }, 'webgpu')),
    download: (states) => driver.download(states),
    destroy: () => driver.destroy(),
  };
}

/** A block of tests where WebGPU answers; elsewhere one that is skipped, or that fails with CI=true. */
export async function withWebGpu(body: () => void): Promise<void> {
  let reason: string | undefined;
  try {
    (await openWebGpuDriver()).destroy();
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  if (reason === undefined || process.env.CI !== 'true') {
    describe.skipIf(reason !== undefined)(`webgpu${reason === undefined ? '' : `: ${reason}`}`, body);
    return;
  }
  it('webgpu is present in CI', () => {
    throw new Error(reason);
  });
}

/** An op of one input and one launch, whose every element is `formula` of its index and the input. */
export function testOp(
  body: KernelFunction | string,
  { cells, constants = {}, lanes = 1 }: Partial<Launch> & Pick<Launch, 'cells'> & { readonly lanes?: 1 | 4 },
  formula: (x: number, index: number) => number = () => Number.NaN,
): (x: Tensor) => Tensor {
  const shape: Shape = [sizeOf(cells) * lanes];
  const op: Op = {
    name: 'probe',
    inputs: ['x'],
    shape: () => shape,
    reference: ({ inputs, output }) => {
      for (let k = 0; k < output.length; k++) output[k] = formula(inputs[0]![k] ?? Number.NaN, k);
    },
    gradient: () => [null],
    gpu: () => ({
      scratch: [],
      launches: [{ kernel: kernel('probe', body, lanes), constants, inputs: [{ input: 0 }], output: 'output', cells }],
    }),
  };
  return (x) => record(op, [x], {});
}
