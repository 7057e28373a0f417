/**
 * Element-wise ops with kinks and steps: comparisons, choices, relu, abs, maximum, minimum. Where a function has no derivative the
 * rules take a subgradient, as PyTorch does: 0 for relu and abs at 0, half for each side where maximum or minimum has a tie.
 * NaN compares false: relu keeps it, as in PyTorch, and no gradient passes there.
 */
import { type Op, record } from '../../op.ts';
import { asTensor, type Tensor, type TensorLike } from '../../tensor.ts';
import { scale } from './arithmetic.ts';
import { call, constant, type Expression } from './expression.ts';
import { add, binary, mul, type NoOptions, pointwise, unary, zeros } from './pointwise.ts';

/**
 * 1 where a < b, else 0, and 0 for NaN. Shapes of comparisons broadcast, and they have no gradient. Throws a ShapeError where
 * shapes do not broadcast, as all of them do.
 */
export const less = binary('less', (a, b) => call('less', a, b));
/** 1 where a <= b, else 0; see `less`. */
export const lessEqual = binary('lessEqual', (a, b) => call('lessEqual', a, b));
/** 1 where a > b, else 0; see `less`. */
export const greater = binary('greater', (a, b) => call('less', b, a));
/** 1 where a >= b, else 0; see `less`. */
export const greaterEqual = binary('greaterEqual', (a, b) => call('lessEqual', b, a));
/** 1 where a = b, else 0; see `less`. */
export const equal = binary('equal', (a, b) => call('equal', a, b));
/** 1 where a and b differ, NaN from everything, else 0; see `less`. */
export const notEqual = binary('notEqual', (a, b) => call('notEqual', a, b));

/** max(x, 0), any shape; the derivative at 0 is 0, as in PyTorch. */
export const relu = unary(
  'relu',
  (x) => call('select', call('less', x, constant(0)), constant(0), x),
  (dy, _, y) => mul(dy, isPositive(y)),
);

/** 1 where x > 0, else 0. */
const isPositive = unary('isPositive', (x) => call('less', constant(0), x), null);

/** 1, 0 or -1 by the sign of x, any shape; without a gradient. */
export const sign = unary('sign', (x) => call('subtract', call('less', constant(0), x), call('less', x, constant(0))), null);

/** |x|, any shape; the derivative at 0 is 0, as in PyTorch. */
export const abs = unary(
  'abs',
  (x) => call('abs', x),
  (dy, x) => mul(dy, sign(x)),
);

/** a where `wins`, else b, and NaN where either is NaN. */
const choose = (wins: Expression, a: Expression, b: Expression): Expression =>
  call('select', wins, a, call('select', call('equal', a, a), b, a));

/**
 * The larger of a and b, and NaN where either is NaN, as in PyTorch; shapes broadcast. At ties each gets half of the gradient.
 * Throws a ShapeError where shapes do not broadcast.
 */
export const maximum = binary('maximum', (a, b) => choose(call('lessEqual', b, a), a, b), {
  a: (dy, a, b) => mul(dy, share(greater(a, b), a, b)),
  b: (dy, a, b) => mul(dy, share(greater(b, a), a, b)),
});

/**
 * The smaller of a and b, and NaN where either is NaN, as in PyTorch; shapes broadcast. At ties each gets half of the gradient.
 * Throws a ShapeError where shapes do not broadcast.
 */
export const minimum = binary('minimum', (a, b) => choose(call('lessEqual', a, b), a, b), {
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

/**
 * a where condition is not 0, else b; shapes broadcast, and the condition gets no gradient. Throws a ShapeError where shapes do
 * not broadcast.
 */
export function where(condition: TensorLike, a: TensorLike, b: TensorLike): Tensor {
  return record(whereOp, [asTensor(condition), asTensor(a), asTensor(b)], {});
}

/** x limited to [low, high], any shape; NaN stays, and the gradient is 0 outside and whole at a bound, as in PyTorch. */
export function clamp(x: TensorLike, low: number, high: number): Tensor {
  const given = asTensor(x);
  const above = where(less(given, low), low, given);
  return where(greater(above, high), high, above);
}
