import { permutation, randomFor } from './random.ts';

/** Apart from the draws for order and augmentation. */
const HOLD_OUT = 3;

/**
 * Cuts the images 0 .. length - 1 in two, at random: those to train on, and `count` to validate on (the paper's 45k/5k split of
 * CIFAR-10, arXiv:1512.03385, sec. 4.2). Both in ascending order; the same seed cuts the same way. Throws a RangeError where none
 * would be left to train on.
 */
export function holdOut(
  length: number,
  count: number,
  seed: number,
): {
  /** The images to train on. */
  readonly training: number[];
  /** The images to validate on. */
  readonly heldOut: number[];
} {
  if (!Number.isInteger(count) || count < 0 || count >= length)
    throw new RangeError(`holdOut: ${count} of ${length} images given; at least one must be left to train on`);
  const order = permutation(length, randomFor(seed, HOLD_OUT));
  const ascending = (indices: number[]): number[] => indices.sort((a, b) => a - b);
  return { training: ascending(order.slice(count)), heldOut: ascending(order.slice(0, count)) };
}
