/**
 * Runs tensors on a given device, beside whatever the program's current device is; and how far two results are apart.
 */
import { largestDifference } from '../../testing/evaluate.ts';

export { evaluate, planFor } from '../../testing/evaluate.ts';

/** The largest difference as a share of |expected| + 1e-3 max |expected|; Infinity where a value is not finite or lengths differ. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  return largestDifference(actual, expected).error;
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
