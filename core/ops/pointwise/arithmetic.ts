/** Products, powers, exponentials: the smooth element-wise ops. add and mul are in pointwise.ts. */
import { type Op, record } from '../../op.ts';
import { ShapeError } from '../../shape.ts';
import { asTensor, type Tensor, type TensorLike } from '../../tensor.ts';
import { call, constant, powerOf } from './expression.ts';
import { binary, mul, pointwise, unary } from './pointwise.ts';

/** a - b; shapes broadcast as in NumPy. Throws a ShapeError where they do not. */
export const sub = binary('sub', (a, b) => call('subtract', a, b), { a: (dy) => dy, b: (dy) => neg(dy) });

/** a / b; shapes broadcast as in NumPy. Throws a ShapeError where they do not. */
export const div = binary('div', (a, b) => call('divide', a, b), {
  a: (dy, _, b) => div(dy, b),
  b: (dy, _, b, y) => neg(div(mul(dy, y), b)),
});

/** -x, any shape. */
export const neg = unary(
  'neg',
  (x) => call('negate', x),
  (dy) => neg(dy),
);

/** e^x, any shape. */
export const exp = unary(
  'exp',
  (x) => call('exp', x),
  (dy, _, y) => mul(dy, y),
);

/** The natural logarithm of x, any shape; NaN below 0. */
export const log = unary(
  'log',
  (x) => call('log', x),
  (dy, x) => div(dy, x),
);

/** The square root of x, any shape; NaN below 0, and an infinite derivative at 0. */
export const sqrt = unary(
  'sqrt',
  (x) => call('sqrt', x),
  (dy, _, y) => div(scale(dy, 0.5), y),
);

/** x^2, any shape. */
export const square = unary(
  'square',
  (x) => call('multiply', x, x),
  (dy, x) => mul(scale(dy, 2), x),
);

/** 1 / (1 + e^-x), any shape. */
export const sigmoid = unary(
  'sigmoid',
  (x) => call('divide', constant(1), call('add', constant(1), call('exp', call('negate', x)))),
  (dy, _, y) => mul(dy, sub(y, square(y))),
);

/** The hyperbolic tangent of x, any shape; its derivative is 1 - y^2. */
export const tanh = unary(
  'tanh',
  (x) => call('tanh', x),
  (dy, _, y) => sub(dy, mul(dy, square(y))),
);

const powOp: Op<{ readonly exponent: number }> = pointwise({
  name: 'pow',
  inputs: ['x'],
  formula: ([x], { exponent }) => powerOf(x!, exponent),
  gradient: ([x], dy, _, { exponent }) => [() => mul(dy, scale(pow(x!, exponent - 1), exponent))],
});

/**
 * x^exponent for a constant exponent, any shape. It is part of the plan: an exponent that changes every step compiles every step.
 * Throws a ShapeError for one that is not finite.
 */
export function pow(x: TensorLike, exponent: number): Tensor {
  if (!Number.isFinite(exponent)) throw new ShapeError('pow', `exponent ${exponent} given; it needs to be a finite number`);
  return record(powOp, [asTensor(x)], { exponent });
}

const scaleOp: Op<{ readonly factor: number }> = pointwise({
  name: 'scale',
  inputs: ['x'],
  formula: ([x], { factor }) => call('multiply', x!, constant(factor)),
  gradient: (_, dy, __, { factor }) => [() => scale(dy, factor)],
});

/**
 * x * factor, any shape, with the factor part of the plan; `mul(x, number)` makes it a feed, right for what changes from step to
 * step.
 */
export function scale(x: Tensor, factor: number): Tensor {
  return record(scaleOp, [x], { factor });
}
