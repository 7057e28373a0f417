/**
 * e^x, log x and tanh x on four lanes of float32: the argument is reduced to a small range and a polynomial does the rest, with the
 * coefficients of S. L. Moshier's Cephes library (single precision, 1992). Relative error below 2e-7 (checked in the tests); NaN,
 * infinities, zeros and subnormal numbers come out as Math has them.
 */
import { type F32x4, local } from '../../devices/simd/emit/index.ts';

/** c0 x^k + c1 x^(k-1) + ... + ck */
function polynomial(x: F32x4, [first, ...rest]: readonly number[]): F32x4 {
  let sum: F32x4 = local(x.mul(first!).add(rest[0]!));
  for (const coefficient of rest.slice(1)) sum = local(sum.mul(x).add(coefficient));
  return sum;
}

const LOG2_E = Math.LOG2E;
/** ln 2 in two parts, so that x - n ln 2 loses nothing. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444e-4;

/** 2^n for whole numbers n from -126 to 127. */
const powerOfTwo = (n: F32x4): F32x4 => n.toI32x4().add(127).shl(23).asF32x4();

/** e^x = 2^n e^r with r = x - n ln 2, |r| <= ln 2 / 2. */
export function exp(x: F32x4): F32x4 {
  // Beyond these the result is infinity or 0 anyway; pmin and pmax keep a NaN.
  const clamped = local(x.pmin(89).pmax(-104));
  const n = local(clamped.mul(LOG2_E).nearest());
  const r = local(clamped.sub(n.mul(LN2_HIGH)).sub(n.mul(LN2_LOW)));
  const tail = polynomial(
    r,
    [1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1],
  );
  const value = local(tail.mul(r.mul(r)).add(r).add(1));
  // In two factors, since 2^n alone may not be a float32.
  const half = local(n.mul(0.5).nearest());
  return value.mul(powerOfTwo(half)).mul(powerOfTwo(n.sub(half)));
}

const SMALLEST_NORMAL = 1.17549435e-38;

/** log x = e ln 2 + log m with x = 2^e m, m between sqrt(1/2) and sqrt(2). */
export function log(x: F32x4): F32x4 {
  const tiny = local(x.lt(SMALLEST_NORMAL));
  const normal = local(tiny.choose(x.mul(2 ** 23), x));
  const mantissa = local(normal.bits().and(0x007fffff).or(0x3f800000).asF32x4());
  const large = local(mantissa.gt(Math.SQRT2));
  const m = local(large.choose(mantissa.mul(0.5), mantissa).sub(1));
  const exponent = local(normal.bits().shr(23).sub(127).toF32x4().add(large.choose(1, 0)).sub(tiny.choose(23, 0)));
  const square = local(m.mul(m));
  const tail = polynomial(
    m,
    [
      7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1, -1.6668057665e-1, 2.0000714765e-1,
      -2.4999993993e-1, 3.3333331174e-1,
    ],
  );
  const low = local(tail.mul(square).mul(m).add(exponent.mul(LN2_LOW)).sub(square.mul(0.5)));
  const finite = local(m.add(low).add(exponent.mul(LN2_HIGH)));
  const infinite = x.eq(Number.POSITIVE_INFINITY).or(x.ne(x));
  const positive = local(infinite.choose(x, finite));
  return x.eq(0).choose(Number.NEGATIVE_INFINITY, x.lt(0).choose(Number.NaN, positive));
}

/** A polynomial near 0, else 1 - 2 / (e^2|x| + 1) with the sign of x. */
export function tanh(x: F32x4): F32x4 {
  const size = local(x.abs());
  const square = local(x.mul(x));
  const tail = polynomial(square, [-5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1]);
  const near = local(tail.mul(square).mul(x).add(x));
  const far = local(local(exp(size.add(size))).add(1));
  const magnitude = local(local(far.sub(2)).div(far));
  // e^2|x| is infinite for large x, and infinity over infinity is NaN: there tanh is 1.
  const bounded = local(size.gt(9).choose(1, magnitude));
  return size.lt(0.625).choose(near, x.lt(0).choose(bounded.neg(), bounded));
}
