/**
 * The barrier at which the threads of a plan meet after each launch, as text for their workers. Control words: 0 how many have arrived,
 * 1 the barrier's generation, 2 whether somebody failed. `threads` is the worker's own.
 *
 * It spins for a few microseconds only: where two threads share a core the one that waits would keep the other from arriving.
 */
export const BARRIER_SOURCE = `
/** Returns false when another thread has failed. */
function barrier(control, generation) {
  if (Atomics.add(control, 0, 1) + 1 === threads) {
    Atomics.store(control, 0, 0);
    Atomics.store(control, 1, generation);
    Atomics.notify(control, 1);
  } else {
    for (let spins = 0; Atomics.load(control, 1) < generation; spins++) {
      if (Atomics.load(control, 2) !== 0) return false;
      if (spins > 300) Atomics.wait(control, 1, generation - 1, 100);
    }
  }
  return Atomics.load(control, 2) === 0;
}
`;
