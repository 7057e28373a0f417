/** Runs tensors on a given device, beside whatever the program's current device is, and leaves the States they read alone. */
import type { Device } from '../core/devices/device.ts';
import { ReferenceDevice } from '../core/devices/reference.ts';
import type { HostArray } from '../core/host.ts';
import { collect, feedsOf, type Recording } from '../core/plan/collect.ts';
import { compile } from '../core/plan/compile.ts';
import type { Plan } from '../core/plan/plan.ts';
import { State } from '../core/state.ts';
import type { Tensor } from '../core/tensor.ts';

/** A float64 device of the checks' own. */
export const reference: Device = new ReferenceDevice();

function recordingOf(tensors: readonly Tensor[]): Recording {
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

/** The values of tensors, in their order. */
export async function evaluate(tensors: readonly Tensor[], device: Device): Promise<HostArray[]> {
  const recording = recordingOf(tensors);
  const plan = compile(recording, device);
  const feeds = feedsOf(recording);
  const places = tensors.map((tensor) => recording.reads.indexOf(tensor));
  const states = await Promise.all(copiesOf(recording));
  const prepared = await device.prepare(plan);
  try {
    const values = await prepared.run(feeds, states);
    return places.map((place) => values[place]!);
  } finally {
    prepared.release();
  }
}

/** For each State that the tensors read, one of the same value that lives on no device yet. */
function copiesOf({ nodes, states }: Recording): Promise<State>[] {
  const leaves = new Map(nodes.flatMap((node) => (node.source.kind === 'state' ? [[node.source.state, node] as const] : [])));
  return states.map(async (state) => new State(state.host ?? (await leaves.get(state)!.data()), { shape: state.shape }));
}

/** The largest difference as a share of |expected| + 1e-3 max |expected|, and where; Infinity where a value is not finite or lengths differ. */
export function largestDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): { error: number; at: number } {
  if (actual.length !== expected.length) return { error: Number.POSITIVE_INFINITY, at: 0 };
  let most = 0;
  for (let k = 0; k < expected.length; k++) most = Math.max(most, Math.abs(expected[k]!));
  let worst = { error: 0, at: 0 };
  for (let k = 0; k < expected.length; k++) {
    const difference = Math.abs(actual[k]! - expected[k]!);
    if (!Number.isFinite(difference)) return { error: Number.POSITIVE_INFINITY, at: k };
    const error = difference === 0 ? 0 : difference / (Math.abs(expected[k]!) + 1e-3 * most);
    if (error > worst.error) worst = { error, at: k };
  }
  return worst;
}
