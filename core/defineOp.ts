/**
 * Ops of a user's own. Two forms, one checker for both (tapegrad/testing):
 *
 * - an element-wise formula in scalar functions, from which the loops and the kernels of every device derive, and which fuses;
 * - loops in float64 over any shapes, with a gpu.js kernel where speed is wanted. Devices without a kernel of it run the loops on the host.
 */
import { type KernelFunction, kernel, single } from './devices/gpu/kernel.ts';
import { type GradientCall, type GradientRule, type Op, type OpCall, type OpOptions, record } from './op.ts';
import { call, constant, type Expression, SCALAR_FUNCTIONS, type ScalarFunction } from './ops/pointwise/expression.ts';
import { pointwise } from './ops/pointwise/pointwise.ts';
import { type Shape, ShapeError, sizeOf } from './shape.ts';
import { asTensor, Tensor, type TensorLike } from './tensor.ts';

/** One item for each name of an input, so that `[x, weight]` is a tuple. */
type ForEach<Names extends readonly string[], Item> = { readonly [K in keyof Names]: Item };

interface Definition<Names extends readonly string[], Options extends OpOptions> {
  /** In error messages, plans and printed tapes. */
  readonly name: string;
  /** Names of the inputs, in the order in which they are given. */
  readonly inputs: Names;
  /**
   * Options with their defaults, none without it: plain JSON, part of the plan. What changes from step to step is an input
   * instead.
   */
  readonly options?: Options;
  /**
   * The gradient of the loss by each input, given `dy`, the one by the output: functions that record ops, called when needed; null where
   * an input has none. Of a formula each may have the output's shape: the sum over broadcast axes is done for it.
   */
  gradient(call: {
    readonly inputs: ForEach<Names, Tensor>;
    readonly output: Tensor;
    readonly dy: Tensor;
    readonly options: Options;
  }): ForEach<Names, GradientRule>;
}

/** The scalar functions of formulas; numbers are constants. */
export type ScalarFunctions = Readonly<Record<ScalarFunction, (...terms: readonly (Expression | number)[]) => Expression>>;

/** An op whose output element depends on one element of each input; shapes broadcast. */
export interface FormulaDefinition<Names extends readonly string[], Options extends OpOptions>
  extends Definition<Names, Options> {
  /**
   * The output element as an expression of one element of each input, put together by `functions`: `([x], { multiply }) =>
   * multiply(x, x)`.
   */
  formula(inputs: ForEach<Names, Expression>, functions: ScalarFunctions, options: Options): Expression;
}

/** An op as loops. */
export interface LoopDefinition<Names extends readonly string[], Options extends OpOptions> extends Definition<Names, Options> {
  /** The output's shape; throws where the inputs do not fit. */
  shape(shapes: ForEach<Names, Shape>, options: Options): Shape;
  /** Fills every element of `output`, which holds old values; all arrays are flat and row-major. */
  reference(call: {
    readonly inputs: ForEach<Names, Float64Array>;
    readonly output: Float64Array;
    readonly shapes: ForEach<Names, Shape>;
    readonly outputShape: Shape;
    readonly options: Options;
  }): void;
  /** A gpu.js kernel: gives the element `this.thread.x` of the output from the flat inputs, with the numbers of `this.constants`. */
  readonly gpu?: KernelFunction;
  /** The numbers that the kernel needs of a call: lengths, strides. */
  constants?(call: OpCall<Options>): Readonly<Record<string, number>>;
}

/** The function that records a defined op: its inputs, then options if it knows some. */
export type DefinedOp<Names extends readonly string[], Options extends OpOptions> = (
  ...args: string extends keyof Options
    ? ForEach<Names, TensorLike>
    : readonly [...ForEach<Names, TensorLike>, options?: Partial<Options>]
) => Tensor;

const functions = Object.fromEntries(
  SCALAR_FUNCTIONS.map((name) => [
    name,
    (...terms: (Expression | number)[]) => call(name, ...terms.map((term) => (typeof term === 'number' ? constant(term) : term))),
  ]),
) as ScalarFunctions;

type AnyDefinition = FormulaDefinition<readonly string[], OpOptions> | LoopDefinition<readonly string[], OpOptions>;

/**
 * Makes an op of your own from an element-wise formula or from loops, and returns the function that records it on the tape.
 * Throws for an empty name and for no inputs; the function throws a ShapeError for another number of tensors than there are
 * inputs.
 */
export function defineOp<const Names extends readonly string[], Options extends OpOptions = OpOptions>(
  definition: FormulaDefinition<Names, Options>,
): DefinedOp<Names, Options>;
export function defineOp<const Names extends readonly string[], Options extends OpOptions = OpOptions>(
  definition: LoopDefinition<Names, Options>,
): DefinedOp<Names, Options>;
export function defineOp(definition: AnyDefinition): (...args: readonly (TensorLike | OpOptions)[]) => Tensor {
  const { name, inputs: names, options: defaults } = definition;
  if (name === '' || names.length === 0)
    throw new Error(
      `defineOp: ${name === '' ? 'the name is empty' : `${name} has no inputs`}; give a name and at least one input`,
    );
  const op = 'formula' in definition ? formulaOp(definition) : loopOp(definition);
  return (...args) => {
    const inputs = args.filter(isTensorLike);
    if (inputs.length !== names.length)
      throw new ShapeError(name, `${inputs.length} tensors or numbers given; it takes ${names.length} (${names.join(', ')})`);
    const last = args.at(-1);
    return record(
      op,
      inputs.map(asTensor),
      last === undefined || isTensorLike(last) ? { ...defaults } : { ...defaults, ...last },
    );
  };
}

function isTensorLike(value: unknown): value is TensorLike {
  return value instanceof Tensor || typeof value === 'number';
}

function formulaOp(definition: FormulaDefinition<readonly string[], OpOptions>): Op {
  return pointwise<OpOptions>({
    name: definition.name,
    inputs: definition.inputs,
    formula: (inputs, options) => definition.formula(inputs, functions, options),
    gradient: (inputs, dy, output, options) => rulesOf(definition, { inputs, output, dy, options }),
  });
}

function loopOp(definition: LoopDefinition<readonly string[], OpOptions>): Op {
  const { name, inputs, gpu } = definition;
  const op: Op = {
    name,
    inputs,
    shape: (shapes, options) => definition.shape(shapes, options),
    reference: (call) => definition.reference(call),
    gradient: (call) => rulesOf(definition, call),
  };
  if (gpu === undefined) return op;
  const body = kernel(name, gpu);
  return { ...op, gpu: (call) => single(body, definition.constants?.(call) ?? {}, inputs.length, sizeOf(call.outputShape)) };
}

function rulesOf(definition: AnyDefinition, call: GradientCall<OpOptions>): readonly GradientRule[] {
  const rules = definition.gradient(call);
  if (rules.length === definition.inputs.length) return rules;
  throw new Error(
    `${definition.name}: its gradient gives ${rules.length} rules for ${definition.inputs.length} inputs; give one for each, null where there is none`,
  );
}
