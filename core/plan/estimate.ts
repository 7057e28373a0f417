/** What a plan would take, without running it. */
import { currentDevice } from '../devices/current.ts';
import type { MemoryNeed } from '../devices/device.ts';
import type { Tensor } from '../tensor.ts';
import { collect } from './collect.ts';
import { compile } from './compile.ts';

/**
 * The memory that computing these tensors in one plan takes on the current device, the States they read included, and how much the
 * device holds; undefined where the device does not know. Nothing runs, and nothing is uploaded.
 */
export async function memoryFor(tensors: readonly Tensor[]): Promise<MemoryNeed | undefined> {
  const device = await currentDevice();
  const reads = new Map(tensors.map((tensor) => [tensor, []]));
  const recording = collect({ number: -1, reads, states: new Set(), waiting: [], wanted: false, observed: true });
  return device.memoryNeed?.(compile(recording, device));
}
