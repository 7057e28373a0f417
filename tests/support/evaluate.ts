/**
 * Runs tensors on a given device, beside whatever the program's current device is.
 */
import type { Device } from '../../core/devices/device.ts';
import type { HostArray } from '../../core/host.ts';
import { collect, feedsOf } from '../../core/plan/collect.ts';
import { compile } from '../../core/plan/compile.ts';
import type { Plan } from '../../core/plan/plan.ts';
import type { Tensor } from '../../core/tensor.ts';

function recordingOf(tensors: readonly Tensor[]) {
  return collect({
    number: 0,
    reads: new Map(tensors.map((tensor) => [tensor, []])),
    states: new Set(),
    waiting: [],
    wanted: true,
    observed: true,
  });
}

export function planFor(tensors: readonly Tensor[], device: Device): Plan {
  return compile(recordingOf(tensors), device);
}

/** The values of tensors that depend on host values only. */
export async function evaluate(tensors: readonly Tensor[], device: Device): Promise<HostArray[]> {
  const recording = recordingOf(tensors);
  const prepared = await device.prepare(compile(recording, device));
  try {
    const values = await prepared.run(feedsOf(recording), []);
    return tensors.map((tensor) => values[recording.reads.indexOf(tensor)]!);
  } finally {
    prepared.release();
  }
}

/** The largest difference as a share of |expected| + 1e-3 max |expected|; Infinity where a value is not finite or lengths differ. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let k = 0; k < expected.length; k++) most = Math.max(most, Math.abs(expected[k]!));
  let worst = 0;
  for (let k = 0; k < expected.length; k++) {
    const difference = Math.abs(actual[k]! - expected[k]!);
    if (!Number.isFinite(difference)) return Number.POSITIVE_INFINITY;
    if (difference > 0) worst = Math.max(worst, difference / (Math.abs(expected[k]!) + 1e-3 * most));
  }
  return worst;
}

/** The largest difference as a share of the largest expected value: the measure for errors that do not shrink with small results. */
export function scaledError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [worst, most] = [0, 0];
  for (let k = 0; k < expected.length; k++) {
    const difference = Math.abs(actual[k]! - expected[k]!);
    if (!Number.isFinite(difference)) return Number.POSITIVE_INFINITY;
    worst = Math.max(worst, difference);
    most = Math.max(most, Math.abs(expected[k]!));
  }
  return worst / Math.max(most, Number.MIN_VALUE);
}
