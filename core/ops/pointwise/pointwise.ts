/**
 * Element-wise ops with NumPy's broadcasting. The folder owns every op whose output element depends on one element of each input:
 *
 *     y[k] = formula(x0[k], x1[k], ...)        dx_i = sum over broadcast axes of dy * d formula / d x_i
 *
 * An op is a row: a name, a formula and a gradient. The reference loops and the kernels come from the formula.
 */
import { type GradientRule, type Op, type OpCall, type OpOptions, type ReferenceCall, record } from '../../op.ts';
import { broadcastShapes, broadcastStrides, formatShape, type Shape, ShapeError, sameShape } from '../../shape.ts';
import { asTensor, type Tensor, type TensorLike } from '../../tensor.ts';
import { sumTo } from '../reduce/sum.ts';
import { call, constant, type Expression, evaluator } from './expression.ts';
import { pointwiseKernel } from './gpu.ts';
import { pointwiseProgram } from './simd.ts';

export type NoOptions = Readonly<Record<string, never>>;
const NONE: NoOptions = {};

interface Row<Options extends OpOptions> {
  readonly name: string;
  readonly inputs: readonly string[];
  readonly formula: (inputs: readonly Expression[], options: Options) => Expression;
  /** Rules in the output's shape; summing over broadcast axes is done for all rows alike. */
  readonly gradient: (inputs: readonly Tensor[], dy: Tensor, y: Tensor, options: Options) => readonly GradientRule[];
  /** An output larger than the inputs' common shape, for `expand` and `fill`. */
  readonly outputShape?: (options: Options) => Shape;
}

/** The op that a row describes. */
export function pointwise<Options extends OpOptions>(row: Row<Options>): Op<Options> {
  const terms = row.inputs.map((_, input) => ({ input }));
  const expression = (options: Options): Expression => row.formula(terms, options);
  return {
    name: row.name,
    inputs: row.inputs,
    shape: (shapes, options) =>
      broadcastShapes(row.name, row.outputShape === undefined ? shapes : [...shapes, row.outputShape(options)]),
    expression,
    reference: (call) => referenceLoop(expression(call.options), call),
    gradient: ({ inputs, dy, output, options }) =>
      row.gradient(inputs, dy, output, options).map((rule, k) => rule && (() => sumTo(rule(), inputs[k]!.shape))),
    gpu: (call) => pointwiseKernel(expression(call.options), call),
    simd: (call) => pointwiseProgram(expression(call.options), call),
    layout: 'any',
  };
}

/** A function of one tensor; `gradient` may use the output y where that is cheaper. */
export function unary(
  name: string,
  formula: (x: Expression) => Expression,
  gradient: ((dy: Tensor, x: Tensor, y: Tensor) => Tensor) | null,
): (x: TensorLike) => Tensor {
  const op = pointwise<NoOptions>({
    name,
    inputs: ['x'],
    formula: ([x]) => formula(x!),
    gradient: ([x], dy, y) => [gradient && (() => gradient(dy, x!, y))],
  });
  return (x) => record(op, [asTensor(x)], NONE);
}

type BinaryGradient = {
  readonly a: (dy: Tensor, a: Tensor, b: Tensor, y: Tensor) => Tensor;
  readonly b: (dy: Tensor, a: Tensor, b: Tensor, y: Tensor) => Tensor;
};

/** A function of two tensors. Without `gradient` it is piecewise constant: comparisons. */
export function binary(
  name: string,
  formula: (a: Expression, b: Expression) => Expression,
  gradient?: BinaryGradient,
): (a: TensorLike, b: TensorLike) => Tensor {
  const op = pointwise<NoOptions>({
    name,
    inputs: ['a', 'b'],
    formula: ([a, b]) => formula(a!, b!),
    gradient: ([a, b], dy, y) =>
      gradient === undefined ? [null, null] : [() => gradient.a(dy, a!, b!, y), () => gradient.b(dy, a!, b!, y)],
  });
  return (a, b) => record(op, [asTensor(a), asTensor(b)], NONE);
}

// The rows that the tape itself records. They stand here and not with the others because the tape is loaded before those.

/** a + b; shapes broadcast as in NumPy. Throws a ShapeError where they do not. */
export const add = binary('add', (a, b) => call('add', a, b), { a: (dy) => dy, b: (dy) => dy });

/** a * b; shapes broadcast as in NumPy. Throws a ShapeError where they do not. */
export const mul = binary('mul', (a, b) => call('multiply', a, b), { a: (dy, _, b) => mul(dy, b), b: (dy, a) => mul(dy, a) });

/** The same value once more: what one State gets from another passes through it. */
export const copy: Op<NoOptions> = pointwise<NoOptions>({
  name: 'copy',
  inputs: ['x'],
  formula: ([x]) => x!,
  gradient: (_, dy) => [() => dy],
});

const expandOp: Op<{ readonly shape: Shape }> = pointwise({
  name: 'expand',
  inputs: ['x'],
  formula: ([x]) => x!,
  gradient: (_, dy) => [() => dy],
  outputShape: ({ shape }) => shape,
});

/**
 * x repeated to a larger shape by NumPy's broadcasting; x itself where it has that shape already. Throws a ShapeError where x
 * does not broadcast to it.
 */
export function expand(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const result = record(expandOp, [x], { shape: [...shape] });
  if (sameShape(result.shape, shape)) return result;
  throw new ShapeError('expand', `shape ${formatShape(x.shape)} does not broadcast to ${formatShape(shape)}`, [x.shape, shape]);
}

const fillOp: Op<{ readonly shape: Shape; readonly value: number }> = pointwise({
  name: 'fill',
  inputs: [],
  formula: (_, { value }) => constant(value),
  gradient: () => [],
  outputShape: ({ shape }) => shape,
});

/** A constant tensor, part of the plan: nothing is uploaded. Throws a ShapeError for a value that is not finite. */
export function fill(shape: Shape, value: number): Tensor {
  if (!Number.isFinite(value)) throw new ShapeError('fill', `value ${value} given; it needs to be a finite number`);
  return record(fillOp, [], { shape: [...shape], value });
}

/** A constant tensor of zeros, part of the plan like `fill`. */
export const zeros = (shape: Shape): Tensor => fill(shape, 0);
/** A constant tensor of ones, part of the plan like `fill`. */
export const ones = (shape: Shape): Tensor => fill(shape, 1);

type FusedOptions = { readonly expression: Expression; readonly shape: Shape };

/** What fusion makes of a chain: exists in plans only, so nobody asks for its gradient. */
export const fused: Op = fusedOp();

function fusedOp(): Op<FusedOptions> {
  return {
    name: 'fused',
    inputs: ['x'],
    shape: (_, options) => options.shape,
    expression: (options) => options.expression,
    reference: (call) => referenceLoop(call.options.expression, call),
    gradient: () => {
      throw new Error('internal: a fused step was differentiated');
    },
    gpu: (call) => pointwiseKernel(call.options.expression, call),
    simd: (call) => pointwiseProgram(call.options.expression, call),
    layout: 'any',
  };
}

/** For every element: gather the inputs, evaluate, store. Offsets follow the output's index like the wheels of an odometer. */
function referenceLoop<Options>(expression: Expression, { inputs, output, shapes, outputShape }: ReferenceCall<Options>): void {
  const evaluate = evaluator(expression);
  const values = new Float64Array(inputs.length);
  const strides = shapes.map((shape) => broadcastStrides(shape, outputShape));
  const plain = shapes.every((shape) => sameShape(shape, outputShape));
  const offsets = new Int32Array(inputs.length);
  const index = new Int32Array(outputShape.length);
  for (let at = 0; at < output.length; at++) {
    for (let k = 0; k < inputs.length; k++) values[k] = inputs[k]![plain ? at : offsets[k]!]!;
    output[at] = evaluate(values);
    if (!plain) turn(index, offsets, outputShape, strides);
  }
}

function turn(index: Int32Array, offsets: Int32Array, shape: Shape, strides: readonly (readonly number[])[]): void {
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index[axis]! += 1;
    for (let k = 0; k < offsets.length; k++) offsets[k]! += strides[k]![axis]!;
    if (index[axis]! < shape[axis]!) return;
    for (let k = 0; k < offsets.length; k++) offsets[k]! -= strides[k]![axis]! * shape[axis]!;
    index[axis] = 0;
  }
}

export type PointwiseCall = Pick<OpCall<unknown>, 'shapes' | 'outputShape'>;
