/**
 * The barrier at which the threads of a plan meet after each launch, as text for their workers. Control words: 0 how many have arrived,
 * 1 the barrier's generation, 2 whether somebody failed. `threads` is the worker's own.
 *
 * Who waits spins first: being woken takes longer than most waits, and a core that idles is soon lent to others. Where threads share a
 * core the one that spins keeps the other from arriving, so patience halves whenever spinning was in vain, and comes back slowly.
 * A spin takes about 15 ns.
 */
export const BARRIER_SOURCE = `
const LEAST_PATIENCE = 300, MOST_PATIENCE = 6000, REGAINED = 100;
let patience = MOST_PATIENCE / 2;

/** Returns false when another thread has failed. */
function barrier(control, generation) {
  if (Atomics.add(control, 0, 1) + 1 === threads) {
    Atomics.store(control, 0, 0);
    Atomics.store(control, 1, generation);
    Atomics.notify(control, 1);
  } else {
    let spins = 0;
    for (; Atomics.load(control, 1) < generation; spins++) {
      if (Atomics.load(control, 2) !== 0) return false;
      if (spins > patience) Atomics.wait(control, 1, generation - 1, 100);
    }
    patience = spins > patience ? Math.max(LEAST_PATIENCE, patience >> 1) : Math.min(MOST_PATIENCE, patience + REGAINED);
  }
  return Atomics.load(control, 2) === 0;
}
`;
