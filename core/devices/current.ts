/**
 * The one current device. Switching moves every State through the host, so a model trained on one device goes on on another.
 */
import { exclusively } from '../plan/flush.ts';
import { clearPlans } from '../plan/run.ts';
import { allStates } from '../state.ts';
import type { Device, DeviceOptions } from './device.ts';
import { hasHardwareAdapter } from './gpu/webgpu-runtime.ts';
import { ReferenceDevice } from './reference.ts';
import { SimdDevice } from './simd/device.ts';

/** Every name that `useDevice` takes. */
export const DEVICE_NAMES = ['auto', 'simd', 'reference', 'cpu', 'webasm', 'webgpu', 'webgl2', 'headlessgl'] as const;
/** A device by its name, or `auto`. */
export type DeviceName = (typeof DEVICE_NAMES)[number];

let current: Device | undefined;

/**
 * Chooses where everything runs from now on, and gives the device's name; every State moves along. `auto` takes WebGPU where a
 * hardware adapter answers, else simd. A name forces one, or rejects saying why it cannot run here and what would. Without any
 * call the first flush takes `auto`.
 */
export function useDevice(name: DeviceName = 'auto', options: DeviceOptions = {}): Promise<string> {
  if (!DEVICE_NAMES.includes(name)) {
    return Promise.reject(
      new Error(`useDevice: there is no device ${JSON.stringify(name)}; use one of ${DEVICE_NAMES.join(', ')}`),
    );
  }
  return exclusively(async () => {
    const next = await openDevice(name, options);
    await leave();
    current = next;
    return next.name;
  });
}

/** The current device; `auto` when none was chosen. */
export async function currentDevice(): Promise<Device> {
  current ??= await openDevice('auto', {});
  return current;
}

/** The name of the device in use, or undefined before the first flush. */
export function deviceName(): string | undefined {
  return current?.name;
}

/**
 * The device in use with the form of its kernels: on another one the same seed gives other last bits. Undefined before the first
 * flush.
 */
export function kernelForm(): string | undefined {
  return current?.kernelForm === undefined ? current?.name : `${current.name} (${current.kernelForm})`;
}

/** How many threads the device in use computes on; undefined on a device without threads, and before the first flush. */
export function threadsInUse(): number | undefined {
  return current?.threads;
}

/** Opens a device beside the current one. Rejects with a sentence when it cannot run here. */
export async function openDevice(name: DeviceName, options: DeviceOptions): Promise<Device> {
  if (name === 'reference') return new ReferenceDevice(options);
  if (name === 'simd') return SimdDevice.open(options);
  if (name === 'auto' && !(await hasHardwareAdapter())) return SimdDevice.open(options);
  const { GpuDevice } = await import('./gpu/device.ts'); // brings gpu.js, 1.4 MB, which no other device needs
  return GpuDevice.open(name === 'auto' ? 'webgpu' : name, options);
}

/** Takes every State home before its device goes. What cannot be fetched any more is lost, and says so when it is read. */
async function leave(): Promise<void> {
  if (current === undefined) return;
  const states = [...allStates()].filter((state) => state.host === undefined && state.lost === undefined);
  try {
    const values = await current.download(states);
    states.forEach((state, k) => {
      state.host = values[k]!;
    });
  } catch (error) {
    const lost = error instanceof Error ? error : new Error(String(error));
    for (const state of states) state.lost = lost;
  }
  clearPlans();
  current.destroy();
  current = undefined;
}
