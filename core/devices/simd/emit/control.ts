/** Loops and branches that run in the kernel, and `times`, which runs while it is written. */
import { closeLoop, emit, openLoop } from './body.ts';
import { local } from './local.ts';
import { I32, type I32Var, type Int, intCode } from './scalars.ts';

/** for (i = from; i < to; i += step) body(i), all in the kernel; `to` and `step` are evaluated once, step is positive. */
export function range(from: Int, to: Int, step: Int, write: (i: I32Var) => void): void {
  const i = local(from);
  const end = typeof to === 'number' ? to : local(to);
  const by = typeof step === 'number' ? step : local(step);
  emit([0x02, 0x40], i.ge(end).code, [0x0d, 0], [0x03, 0x40]);
  openLoop();
  write(i);
  i.increase(by);
  emit(i.lt(end).code, [0x0d, 0], [0x0b, 0x0b]);
  closeLoop();
}

/** A loop over addresses, which may lie beyond 2^31: `from` grows by `step` until it reaches `to`; at least one turn. */
export function span(from: I32, to: I32, step: Int, write: (address: I32Var) => void): void {
  const address = local(from);
  const end = local(to);
  const by = typeof step === 'number' ? step : local(step);
  emit([0x03, 0x40]);
  openLoop();
  write(address);
  address.increase(by);
  emit(address.ne(end).code, [0x0d, 0], [0x0b]);
  closeLoop();
}

/** if (condition) then() else otherwise(), in the kernel. */
export function when(condition: I32, then: () => void, otherwise?: () => void): void {
  emit(condition.code, [0x04, 0x40]);
  then();
  if (otherwise !== undefined) {
    emit([0x05]);
    otherwise();
  }
  emit([0x0b]);
}

/** condition ? a : b; both are evaluated. */
export function select(condition: I32, a: Int, b: Int): I32 {
  return new I32([intCode(a), intCode(b), condition.code, 0x1b], [a, b, condition]);
}

export function min(a: Int, b: Int): I32Var {
  const first = local(a);
  const second = local(b);
  return local(select(first.lt(second), first, second));
}

export function max(a: Int, b: Int): I32Var {
  const first = local(a);
  const second = local(b);
  return local(select(first.gt(second), first, second));
}

/** [f(0), f(1), ..., f(n - 1)], while the module is written: unrolls. */
export function times<T>(n: number, f: (k: number) => T): T[] {
  return Array.from({ length: n }, (_, k) => f(k));
}
