/** Rows of neighbouring output elements: how kernels with any strides walk them. */
import { type F32x4, type F32x4Var, type I32, type I32Var, local, range, store, storeLane, times, when } from './emit/index.ts';

/** Where a row of each input begins: the row's number taken apart, innermost axis first. */
export function rowAddresses(
  row: I32Var,
  lengths: readonly I32Var[],
  inputs: readonly I32Var[],
  strides: readonly (readonly I32Var[])[],
): I32Var[] {
  const addresses = inputs.map((input) => local(input));
  const rest = local(row);
  for (let axis = lengths.length - 1; axis >= 0; axis--) {
    const index = local(axis === 0 ? rest : rest.rem(lengths[axis]!));
    addresses.forEach((address, k) => address.increase(index.mul(strides[k]![axis]!)));
    if (axis > 0) rest.set(rest.div(lengths[axis]!));
  }
  return addresses;
}

/** Stores the first `count` lanes of a vector (all from four on): what lies behind may belong to another task. */
export function storeUpTo(to: I32, value: F32x4Var, count: I32Var): void {
  const address = local(to);
  when(
    count.ge(4),
    () => store(address, value),
    () => {
      for (const lane of [0, 1, 2]) when(count.gt(lane), () => storeLane(address, value, lane, 4 * lane));
    },
  );
}

/** Whole vectors, then the lanes left over: what lies behind a row may belong to another task. */
export function writeRow(to: I32Var, length: I32Var, step: 1 | 4, valueAt: (at: I32Var) => F32x4): void {
  if (step === 1) {
    range(0, length, 1, (at) => storeLane(to.add(at.shl(2)), valueAt(at), 0));
    return;
  }
  const whole = local(length.and(~3));
  range(0, whole, 4, (at) => store(to.add(at.shl(2)), valueAt(at)));
  const left = local(length.sub(whole));
  when(left, () => {
    const value = local(valueAt(whole));
    const end = local(to.add(whole.shl(2)));
    times(3, (lane) => when(left.gt(lane), () => storeLane(end, value, lane, 4 * lane)));
  });
}
