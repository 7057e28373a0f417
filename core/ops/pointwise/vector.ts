/** Scalar formulas on four lanes: what each function of expression.ts is in a WebAssembly kernel. */
import { type F32x4, type I32x4, local, splat } from '../../devices/simd/emit/index.ts';
import type { Expression, ScalarFunction } from './expression.ts';
import { exp, log, tanh } from './transcendental.ts';

type Call = Extract<Expression, { readonly call: ScalarFunction }>;

const comparisons = {
  less: (a, b) => a.lt(b),
  lessEqual: (a, b) => a.le(b),
  equal: (a, b) => a.eq(b),
  notEqual: (a, b) => a.ne(b),
} satisfies Partial<Record<ScalarFunction, (a: F32x4, b: F32x4) => I32x4>>;
type Comparison = keyof typeof comparisons;
const isComparison = (name: ScalarFunction): name is Comparison => name in comparisons;

const ONE = 0x3f800000; // the bits of 1
/** Comparisons give 1 or 0. */
const truth = (mask: I32x4): F32x4 => mask.and(ONE).asF32x4();

const vectorFunctions: Record<Exclude<ScalarFunction, Comparison | 'select'>, (...values: F32x4[]) => F32x4> = {
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

/** The lanes of `a` where the mask is set, else of `b`; a side that is 0 costs one instruction less. */
function choose(mask: I32x4, a: F32x4 | 0, b: F32x4 | 0): F32x4 {
  if (a === 0) return b === 0 ? splat(0) : b.bits().andNot(mask).asF32x4();
  return b === 0 ? a.bits().and(mask).asF32x4() : mask.choose(a, b);
}

const isZero = (term: Expression): boolean => 'constant' in term && Object.is(term.constant, 0);

/** The value of an expression over the vectors `inputs`. Equal terms are computed once, and each is bound to a variable. */
export function vectorOf(expression: Expression, inputs: readonly F32x4[]): F32x4 {
  const known = new Map<string, F32x4>();
  const visit = (term: Expression): F32x4 => {
    if ('input' in term) return inputs[term.input]!;
    if ('constant' in term) return splat(term.constant);
    const key = JSON.stringify(term);
    let value = known.get(key);
    if (value === undefined) {
      value = local(compute(term));
      known.set(key, value);
    }
    return value;
  };
  const compute = (term: Call): F32x4 => {
    const { call, of } = term;
    if (isComparison(call)) return truth(maskOf(term));
    if (call !== 'select') return vectorFunctions[call](...of.map(visit));
    const side = (term: Expression): F32x4 | 0 => (isZero(term) ? 0 : visit(term));
    const [a, b] = [side(of[1]!), side(of[2]!)];
    return choose(maskOf(of[0]!), a, b);
  };
  /** Where a condition holds: a comparison's own mask, without the detour over 1 and 0. */
  const maskOf = (term: Expression): I32x4 =>
    'call' in term && isComparison(term.call)
      ? comparisons[term.call](visit(term.of[0]!), visit(term.of[1]!))
      : visit(term).ne(0);
  return visit(expression);
}
