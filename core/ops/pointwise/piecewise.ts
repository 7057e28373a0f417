/**
 * Element-wise ops with kinks and steps: comparisons, choices, relu, abs, maximum, minimum. Where a function has no derivative the
 * rules take a subgradient, as PyTorch does: 0 for relu and abs at 0, half for each side where maximum or minimum has a tie.
 * NaN compares false: relu keeps it, as in PyTorch, and no gradient passes there.
 */
import { type Op, record } from '../../op.ts';
import { asTensor, type Tensor, type TensorLike } from '../../tensor.ts';
import { scale } from './arithmetic.ts';
import { call, constant } from './expression.ts';
import { add, binary, mul, type NoOptions, pointwise, unary, zeros } from './pointwise.ts';

/** 1 where a < b, else 0. Comparisons have no gradient. */
export const less = binary('less', (a, b) => call('less', a, b));
/** 1 where a <= b, else 0. */
export const lessEqual = binary('lessEqual', (a, b) => call('lessEqual', a, b));
/** 1 where a > b, else 0. */
export const greater = binary('greater', (a, b) => call('less', b, a));
/** 1 where a >= b, else 0. */
export const greaterEqual = binary('greaterEqual', (a, b) => call('lessEqual', b, a));
/** 1 where a = b, else 0. */
export const equal = binary('equal', (a, b) => call('equal', a, b));
/** 1 where a and b differ, else 0. */
export const notEqual = binary('notEqual', (a, b) => call('notEqual', a, b));

/** max(x, 0) */
export const relu = unary(
  'relu',
  (x) => call('select', call('less', x, constant(0)), constant(0), x),
  (dy, _, y) => mul(dy, isPositive(y)),
);

/** 1 where x > 0, else 0. */
const isPositive = unary('isPositive', (x) => call('less', constant(0), x), null);

/** 1, 0 or -1. */
export const sign = unary('sign', (x) => call('subtract', call('less', constant(0), x), call('less', x, constant(0))), null);

/** |x| */
export const abs = unary(
  'abs',
  (x) => call('abs', x),
  (dy, x) => mul(dy, sign(x)),
);

/** The larger of a and b. */
export const maximum = binary('maximum', (a, b) => call('select', call('less', a, b), b, a), {
  a: (dy, a, b) => mul(dy, share(greater(a, b), a, b)),
  b: (dy, a, b) => mul(dy, share(greater(b, a), a, b)),
});

/** The smaller of a and b. */
export const minimum = binary('minimum', (a, b) => call('select', call('less', b, a), b, a), {
  a: (dy, a, b) => mul(dy, share(less(a, b), a, b)),
  b: (dy, a, b) => mul(dy, share(less(b, a), a, b)),
});

/** 1 where one side wins alone, 1/2 at a tie, else 0. */
function share(wins: Tensor, a: Tensor, b: Tensor): Tensor {
  return add(wins, scale(equal(a, b), 0.5));
}

const whereOp: Op<NoOptions> = pointwise<NoOptions>({
  name: 'where',
  inputs: ['condition', 'a', 'b'],
  formula: ([condition, a, b]) => call('select', condition!, a!, b!),
  gradient: ([condition], dy) => [null, () => where(condition!, dy, zeros([])), () => where(condition!, zeros([]), dy)],
});

/** a where condition is not 0, else b. */
export function where(condition: TensorLike, a: TensorLike, b: TensorLike): Tensor {
  return record(whereOp, [asTensor(condition), asTensor(a), asTensor(b)], {});
}

/** x limited to [low, high]; the gradient is 0 outside. */
export function clamp(x: TensorLike, low: number, high: number): Tensor {
  return minimum(maximum(x, low), high);
}
