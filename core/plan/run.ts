/**
 * Runs one batch: collects it, finds or compiles its plan, runs the plan on the current device, and settles every promise.
 */

import { debug, debugLevel } from '../debug.ts';
import { turn } from '../devices/breather.ts';
import { currentDevice } from '../devices/current.ts';
import type { Device, PreparedPlan } from '../devices/device.ts';
import type { HostArray } from '../host.ts';
import type { Tensor } from '../tensor.ts';
import { LruCache } from './cache.ts';
import { collect, feedsOf, type Recording } from './collect.ts';
import { compile } from './compile.ts';
import { type Batch, beginBatch, reportFailure } from './flush.ts';
import { structureKey } from './key.ts';
import { arenaSize, explain, type Plan, type StepNotes } from './plan.ts';

/** Plans kept: enough for training and evaluation at several batch sizes, few enough to bound memory. */
const MAX_PLANS = 64;

interface CachedPlan {
  readonly plan: Plan;
  readonly prepared: PreparedPlan;
}

let cache = new LruCache<CachedPlan>(MAX_PLANS, ({ prepared }) => prepared.release());
let latest: CachedPlan | undefined;

/** Forgets every compiled plan: they belong to the device that is being left. */
export function clearPlans(): void {
  cache.clear();
  cache = new LruCache<CachedPlan>(MAX_PLANS, ({ prepared }) => prepared.release());
  latest = undefined;
}

/** The plan that ran last, for `explain` and the curious; undefined before the first flush. */
export function lastPlan():
  | ({
      /** The plan itself. */
      readonly plan: Plan;
    } & StepNotes)
  | undefined {
  return latest && { plan: latest.plan, times: latest.prepared.times, algorithms: latest.prepared.algorithms };
}

/** Takes the next batch when the device is ready, so that late requests can still join it. Never rejects. */
export async function runBatch(next: () => Batch): Promise<void> {
  let device: Device | undefined;
  let failure: unknown;
  try {
    device = await currentDevice();
  } catch (error) {
    failure = error;
  }
  const batch = next();
  const settle = device === undefined ? fail(batch, undefined, failure) : await runOn(device, batch);
  await turn();
  settle();
}

async function runOn(device: Device, batch: Batch): Promise<() => void> {
  let recording: Recording | undefined;
  try {
    recording = collect(batch);
    const feeds = feedsOf(recording);
    const started = performance.now();
    const key = structureKey(recording);
    const found = cache.get(key);
    const plan = found?.plan ?? compile(recording, device);
    beginBatch(batch);
    reportSecondPass(recording);
    latest = found ?? { plan, prepared: await prepare(device, plan) };
    if (found === undefined) cache.set(key, latest);
    const keyed = performance.now();
    const values = await latest.prepared.run(feeds, recording.states);
    debug(2, () => reportTimes(batch.number, latest!, keyed - started, performance.now() - keyed));
    return succeed(batch, recording, values);
  } catch (error) {
    return fail(batch, recording, error);
  }
}

/** Milliseconds of a flush, and by op where the device measured its steps: the slowest first. */
function reportTimes(number: number, { plan, prepared: { times } }: CachedPlan, toKey: number, toRun: number): string {
  const byOp = new Map<string, number>();
  plan.steps.forEach(({ op }, k) => byOp.set(op.name, (byOp.get(op.name) ?? 0) + (times?.[k] ?? 0)));
  const slowest = [...byOp].filter(([, ms]) => ms > 0).sort(([, a], [, b]) => b - a);
  const lines = slowest.map(([name, ms]) => `\n  ${name.padEnd(24)} ${ms.toFixed(1)} ms`);
  return `flush ${number}: ${plan.steps.length} steps, ${toKey.toFixed(1)} ms to key, ${toRun.toFixed(1)} ms to run${lines.join('')}`;
}

async function prepare(device: Device, plan: Plan): Promise<PreparedPlan> {
  debug(
    1,
    () =>
      `compiled a plan of ${plan.steps.length} steps for ${device.name}, arena ${((arenaSize(plan) * device.bytesPerElement) / 2 ** 20).toFixed(1)} MiB`,
  );
  const prepared = await device.prepare(plan);
  debug(4, () => `the plan:\n${explain(plan, { algorithms: prepared.algorithms }, device.bytesPerElement)}`);
  return prepared;
}

/** A forward pass that a read has already run is run again by backward(): right, but not free. */
function reportSecondPass({ nodes, writes }: Recording): void {
  const again = nodes.filter((node) => node.source.kind === 'op' && node.runs++ > 0).length;
  if (again === 0 || writes.length === 0 || debugLevel() < 1) return;
  debug(
    1,
    () =>
      `${again} ops ran a second time, because a value was awaited before backward(); ask for it after step() in the same tick to run them once`,
  );
}

function succeed(batch: Batch, recording: Recording, values: readonly HostArray[]): () => void {
  recording.reads.forEach((tensor, k) => {
    tensor.value = values[k]!;
  });
  for (const state of recording.states) state.host = undefined;
  for (const { state } of recording.writes) state.lost = undefined;
  dropInputs(recording);
  return () => {
    for (const [tensor, waiting] of batch.reads) for (const { resolve } of waiting) resolve(tensor.value!);
    for (const { resolve } of batch.waiting) resolve();
  };
}

/** Nodes that read a version now overwritten can never run again: they let go of their inputs, and with them of the batch. */
function dropInputs({ nodes, writes }: Recording): void {
  const overwritten = new Map<Tensor, string>();
  for (const node of [...nodes, ...writes.map((write) => write.value)]) {
    const { source } = node;
    if (source.kind === 'state' && source.version < source.state.stored) overwritten.set(node, source.state.label);
    if (source.kind !== 'op') continue;
    const label = firstOverwritten(source.inputs, overwritten);
    if (label === undefined) continue;
    overwritten.set(node, label);
    node.source = { kind: 'spent', was: source.op.name, overwritten: label };
  }
}

function firstOverwritten(inputs: readonly Tensor[], overwritten: ReadonlyMap<Tensor, string>): string | undefined {
  for (const input of inputs) {
    const { source } = input;
    const label =
      overwritten.get(input) ??
      (source.kind === 'state' && source.version < source.state.stored ? source.state.label : undefined);
    if (label !== undefined) return label;
  }
  return undefined;
}

function fail(batch: Batch, recording: Recording | undefined, reason: unknown): () => void {
  const error = reason instanceof Error ? reason : new Error(String(reason));
  for (const state of batch.states) state.lost = error;
  beginBatch(batch);
  if (recording !== undefined) dropInputs(recording);
  return () => {
    for (const waiting of batch.reads.values()) for (const { reject } of waiting) reject(error);
    for (const { reject } of batch.waiting) reject(error);
    reportFailure(batch, error);
  };
}
