import type { GpuDriver } from './device.ts';

export async function hasHardwareAdapter(): Promise<boolean> {
  return false;
}

export async function openWebGpuDriver(): Promise<GpuDriver> {
  throw new Error('useDevice: webgpu is being written');
}
