/**
 * What every thread of the webasm driver runs. A thread keeps the modules of each plan; told to run one, it walks the launches with
 * its share of the cells, and meets the others at a barrier after each. thread.ts says what such a text finds around it.
 *
 * Control words at the start of a plan's memory: 0 how many have arrived, 1 the barrier's generation, 2 whether somebody failed.
 */
import { BARRIER_SOURCE } from '../barrier.ts';

export const CONTROL_BYTES = 64;

/** Launches with fewer cells run whole on the first thread: cutting them costs more than it gains. */
const MIN_CELLS_TO_CUT = 2048;

export const WORKER_SOURCE = `
const { index, threads } = data;
const plans = new Map();

function instantiate({ module, math }, memory) {
  const env = { memory };
  for (const name of math) env['math_' + name] = Math[name];
  return new WebAssembly.Instance(module, { env }).exports;
}

/** The rows (or quads of cells, where rows are not cut in fours) that belong to this thread. */
function runShare({ cells, width }, { run, run_simd }) {
  const whole = cells < ${MIN_CELLS_TO_CUT};
  if (whole && index > 0) return;
  const unit = width % 4 === 0 ? 4 : width;
  const units = cells / unit;
  const from = whole ? 0 : Math.floor((units * index) / threads) * unit;
  const to = whole ? cells : Math.floor((units * (index + 1)) / threads) * unit;
  if (width % 4 === 0 && run_simd) run_simd(from, to, 0);
  else if (width < 8 || !run_simd) run(from, to, 0);
  else for (let row = from; row < to; row += width) {
    run_simd(row, row + (width & ~3), 0);
    run(row + (width & ~3), row + width, 0);
  }
}

${BARRIER_SOURCE}

function runPlan({ launches, instances, control }, generation) {
  const times = new Float64Array(index === 0 ? launches.length : 0);
  let last = performance.now();
  for (let k = 0; k < launches.length; k++) {
    try {
      runShare(launches[k], instances[k]);
    } catch (error) {
      Atomics.store(control, 2, 1);
      Atomics.notify(control, 1);
      return { failed: k, message: String(error && error.message) };
    }
    if (!barrier(control, generation + k + 1)) return {};
    if (index === 0) {
      const now = performance.now();
      times[k] = now - last;
      last = now;
    }
  }
  return { times };
}

listen((message) => {
  const { id } = message;
  if (message.kind === 'prepare') {
    const { memory, launches } = message;
    plans.set(id, { launches, instances: launches.map((launch) => instantiate(launch, memory)), control: new Int32Array(memory.buffer, 0, 4) });
  } else if (message.kind === 'release') {
    plans.delete(id);
  } else {
    answer(runPlan(plans.get(id), message.generation));
  }
});
`;
