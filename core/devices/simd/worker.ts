/**
 * What every thread of the simd engine runs; thread.ts says what such a text finds around it. A plan is a table of launches in the
 * shared memory:
 *
 *     kernel | tasks | number of arguments | arguments ...      for each launch, all 32-bit integers
 *
 * Told to run launches `from` to `to`, the threads take tasks of a launch until none is left, and meet at a barrier after each.
 */
import { BARRIER_SOURCE } from '../barrier.ts';

/** Integers at a plan's control address: arrivals at the barrier, its generation, failure, then a task counter for each launch. */
export const CONTROL_WORDS = 16;

export const WORKER_SOURCE = `
const { index, threads, memory } = data;
const plans = new Map();

function decode({ names }, exports, table, words) {
  const view = new Int32Array(memory.buffer, table, words);
  const launches = [];
  for (let at = 0; at < words; at += 3 + view[at + 2]) {
    launches.push({ call: exports[names[view[at]]], tasks: view[at + 1], args: Array.from(view.subarray(at + 3, at + 3 + view[at + 2])) });
  }
  return launches;
}

${BARRIER_SOURCE}

function run(plan, { from, to, control: address, version, table, words, scratch }) {
  if (plan.version !== version) {
    plan.launches = decode(plan, plan.exports, table, words);
    plan.version = version;
  }
  plan.exports.threadScratch.value = scratch[index];
  const control = new Int32Array(memory.buffer, address, ${CONTROL_WORDS} + plan.launches.length);
  const times = new Float64Array(index === 0 ? to - from : 0);
  let last = performance.now();
  for (let k = from; k < to; k++) {
    const { call, tasks, args } = plan.launches[k];
    try {
      for (let task; (task = Atomics.add(control, ${CONTROL_WORDS} + k, 1)) < tasks; ) call(task, ...args);
    } catch (error) {
      Atomics.store(control, 2, 1);
      Atomics.notify(control, 1);
      return { failed: k, message: String(error && error.message) };
    }
    if (!barrier(control, k - from + 1)) return {};
    if (index === 0) {
      const now = performance.now();
      times[k - from] = now - last;
      last = now;
    }
  }
  return { times };
}

listen((message) => {
  const { id } = message;
  if (message.kind === 'prepare') {
    const { exports } = new WebAssembly.Instance(message.module, { env: { memory } });
    plans.set(id, { exports, names: message.names, version: -1, launches: [] });
  } else if (message.kind === 'release') {
    plans.delete(id);
  } else {
    answer(run(plans.get(id), message));
  }
});
`;
