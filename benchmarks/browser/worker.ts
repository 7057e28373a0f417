/** Measures one row. Every row has a worker of its own, so that none finds memory or a device that another has left. */
import { median } from '../median.ts';
import { CHAIN, type Measurement, type Outcome, type RowOrder } from './rows.ts';

/** Runs before the timed ones, in which kernels are compiled; and the time after which no further one begins. */
const WARM_UP = { runs: 5, milliseconds: 2000 };
const TIMED = { runs: 15, least: 2, milliseconds: 4000 };

/** Each in a bundle of its own: what is not installed fails when its row is measured. */
async function prepare(order: RowOrder): Promise<() => Promise<void>> {
  if (order.framework === 'tapegrad') return (await import('./tapegrad.ts')).prepare(order);
  if (order.framework === 'jax-js') return (await import('../peers/pageJax.mjs')).prepare(order.device, order.work, CHAIN);
  return (await import('../peers/pageTfjs.mjs')).prepare(order.work, CHAIN);
}

/** Notes when work was last handed to a WebGPU queue. */
function watchSubmits(): { last: number } {
  const note = { last: 0 };
  if (typeof GPUQueue === 'undefined') return note;
  const { submit } = GPUQueue.prototype;
  GPUQueue.prototype.submit = function (this: GPUQueue, buffers) {
    submit.call(this, buffers);
    note.last = performance.now();
  };
  return note;
}

async function measure(order: RowOrder): Promise<Measurement> {
  const submits = watchSubmits();
  const run = await prepare(order);
  const begun = performance.now();
  for (let k = 0; k < WARM_UP.runs && performance.now() - begun < WARM_UP.milliseconds; k++) await run();
  const [times, shares]: [number[], number[]] = [[], []];
  const warm = performance.now();
  while (times.length < TIMED.runs && (times.length < TIMED.least || performance.now() - warm < TIMED.milliseconds)) {
    const started = performance.now();
    await run();
    times.push(performance.now() - started);
    shares.push((submits.last - started) / times.at(-1)!);
  }
  const milliseconds = median(times) / (order.work.kind === 'step' ? 1 : CHAIN);
  return order.framework === 'tapegrad' && order.device === 'webgpu'
    ? { milliseconds, dispatch: median(shares) }
    : { milliseconds };
}

addEventListener('message', async ({ data }: MessageEvent<RowOrder>) => {
  const outcome: Outcome = await measure(data).catch((error: unknown) => ({
    failure: error instanceof Error ? error.message : String(error),
  }));
  postMessage(outcome);
});
