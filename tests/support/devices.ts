/**
 * The devices that this machine has, opened once for a test file. A missing backend skips its tests with the reason; with CI=true
 * it fails them instead, so that CI proves every backend.
 */
import { describe, it } from 'vitest';
import type { Device } from '../../core/devices/device.ts';
import { GpuDevice, type GpuDriverName } from '../../core/devices/gpu/device.ts';
import { ReferenceDevice } from '../../core/devices/reference.ts';
import { SimdDevice } from '../../core/devices/simd/device.ts';
import { ACCURACY_LOG } from './accuracyLog.ts';

export const reference = new ReferenceDevice();

/** Largest error seen as a share of |expected| + 1e-3 max |expected|: float32 sums with cancellation, as measured for GEMM. */
export const FLOAT32_TOLERANCE = 1e-4;

/**
 * For sums of products of either sign where all results of a case may be small by chance: 50 products of size 1 that cancel to 1e-2 keep
 * the rounding error of the products, 50 x 6e-8.
 */
export const CANCELLATION_TOLERANCE = 1e-3;

type Opened = { readonly name: GpuDriverName | 'simd'; readonly device: Device | undefined; readonly reason: string };

async function open(name: GpuDriverName | 'simd', threads?: number): Promise<Opened> {
  try {
    const options = threads === undefined ? {} : { threads };
    return { name, device: await (name === 'simd' ? SimdDevice.open(options) : GpuDevice.open(name, options)), reason: '' };
  } catch (error) {
    return { name, device: undefined, reason: error instanceof Error ? error.message : String(error) };
  }
}

/** simd on other numbers of threads too where errors are collected: they must be the same bits. */
const MORE_THREADS = ACCURACY_LOG === undefined ? [] : [1, 3];

export const openedDevices: readonly Opened[] = await Promise.all([
  ...(['simd', 'webasm'] as const).map((name) => open(name, 2)),
  ...(['cpu', 'webgpu'] as const).map((name) => open(name)),
  ...MORE_THREADS.map((threads) => open('simd', threads)),
]);

/** A block of tests for each device other than the reference. */
export function onEveryDevice(body: (device: Device) => void): void {
  for (const { name, device, reason } of openedDevices) {
    if (device !== undefined) {
      describe(name, () => body(device));
    } else if (process.env.CI === 'true') {
      describe(name, () => {
        it('is present in CI', () => {
          throw new Error(reason);
        });
      });
    } else {
      describe(name, () => {
        it.skip(`skipped: ${reason}`, () => undefined);
      });
    }
  }
}
