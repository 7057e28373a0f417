/** The barrier between threads that really run: whoever is late is waited for, and a failure lets everybody go. */
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { BARRIER_SOURCE } from '../../../core/devices/barrier.ts';

const THREADS = 3;
const ROUNDS = 20;

/** Runs `body` on each thread; it sees `me`, `threads`, the barrier's `control` words and `rounds`, where each thread notes its own. */
function onThreads(body: string): Promise<unknown[]> {
  const [control, rounds] = [new Int32Array(new SharedArrayBuffer(12)), new Int32Array(new SharedArrayBuffer(4 * THREADS))];
  const source = `
    const { parentPort, workerData: { me, threads, control, rounds } } = require('node:worker_threads');
    ${BARRIER_SOURCE}
    const sleep = (milliseconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
    const run = () => {${body}};
    parentPort.postMessage(run());`;
  const results = Array.from({ length: THREADS }, (_, me) => {
    const worker = new Worker(source, { eval: true, workerData: { me, threads: THREADS, control, rounds } });
    return new Promise<unknown>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
    });
  });
  return Promise.all(results);
}

it('nobody goes on before the last has come', async () => {
  const early = await onThreads(`
    let early = 0;
    for (let round = 1; round <= ${ROUNDS}; round++) {
      if (round % threads === me) sleep(3); // each is the last in turn, longer than anybody spins
      Atomics.store(rounds, me, round);
      barrier(control, 2 * round - 1);
      for (let other = 0; other < threads; other++) if (Atomics.load(rounds, other) !== round) early++;
      barrier(control, 2 * round);
    }
    return early;`);
  expect(early).toEqual([0, 0, 0]);
});

it('who waits hears of a failure, and so does who comes later', async () => {
  const passed = await onThreads(`
    if (me > 0) return barrier(control, 1);
    sleep(20);
    Atomics.store(control, 2, 1);
    return barrier(control, 1);`);
  expect(passed).toEqual([false, false, false]);
});
