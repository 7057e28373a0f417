/** Scalar formulas on four lanes: what each function of expression.ts is in a WebAssembly kernel. */
import { type F32x4, type I32x4, local, splat } from '../../devices/simd/emit/index.ts';
import type { Expression, ScalarFunction } from './expression.ts';
import { exp, log, tanh } from './transcendental.ts';

/** Comparisons give 1 or 0. */
const truth = (mask: I32x4): F32x4 => mask.choose(1, 0);

const vectorFunctions: Record<ScalarFunction, (...values: F32x4[]) => F32x4> = {
  add: (a, b) => a!.add(b!),
  subtract: (a, b) => a!.sub(b!),
  multiply: (a, b) => a!.mul(b!),
  divide: (a, b) => a!.div(b!),
  negate: (x) => x!.neg(),
  abs: (x) => x!.abs(),
  exp: (x) => exp(x!),
  log: (x) => log(x!),
  sqrt: (x) => x!.sqrt(),
  tanh: (x) => tanh(x!),
  power: (x, exponent) => power(x!, exponent!),
  less: (a, b) => truth(a!.lt(b!)),
  lessEqual: (a, b) => truth(a!.le(b!)),
  equal: (a, b) => truth(a!.eq(b!)),
  notEqual: (a, b) => truth(a!.ne(b!)),
  select: (condition, a, b) => condition!.ne(0).choose(a!, b!),
};

/**
 * x ** exponent as e^(exponent log |x|). Small integers never come here (expression.ts makes products of them), so a negative x has a
 * real power only for large integers, where oddness decides the sign; e^NaN gives NaN elsewhere.
 */
function power(x: F32x4, exponent: F32x4): F32x4 {
  const whole = local(exponent.nearest().eq(exponent));
  const half = local(exponent.mul(0.5));
  const odd = local(half.nearest().ne(half));
  // A negative x has no other real power, but minus infinity has.
  const base = local(whole.or(x.eq(Number.NEGATIVE_INFINITY)).choose(x.abs(), x));
  const size = local(exp(exponent.mul(log(base))));
  return whole.and(odd).and(x.lt(0)).choose(size.neg(), size);
}

/** The value of an expression over the vectors `inputs`. Equal terms are computed once, and each is bound to a variable. */
export function vectorOf(expression: Expression, inputs: readonly F32x4[]): F32x4 {
  const known = new Map<string, F32x4>();
  const visit = (term: Expression): F32x4 => {
    if ('input' in term) return inputs[term.input]!;
    if ('constant' in term) return splat(term.constant);
    const key = JSON.stringify(term);
    let value = known.get(key);
    if (value === undefined) {
      value = local(vectorFunctions[term.call](...term.of.map(visit)));
      known.set(key, value);
    }
    return value;
  };
  return visit(expression);
}
