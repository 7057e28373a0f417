/**
 * Element-wise ops as nodes. Every one of them is a formula over its inputs (core/ops/pointwise/expression.ts), so translating the
 * functions that a formula may call translates them all; those that ONNX has an operator for are one node.
 */
import type { Expression, ScalarFunction } from '../../core/ops/pointwise/expression.ts';
import { broadcastSizes, type Call, emit, expanded, read, readAll } from './context.ts';
import { addScalar, type Value } from './graph.ts';
import { DATA_TYPE } from './messages.ts';

/** By the op's name. */
const WHOLE: Readonly<Record<string, string>> = { relu: 'Relu', sigmoid: 'Sigmoid', maximum: 'Max', minimum: 'Min' };

const NUMBERS: Readonly<Partial<Record<ScalarFunction, string>>> = {
  add: 'Add',
  subtract: 'Sub',
  multiply: 'Mul',
  divide: 'Div',
  negate: 'Neg',
  abs: 'Abs',
  exp: 'Exp',
  log: 'Log',
  sqrt: 'Sqrt',
  tanh: 'Tanh',
  power: 'Pow',
};

/** Those give truth values in ONNX, not 1 and 0. */
const COMPARISONS: Readonly<Partial<Record<ScalarFunction, string>>> = {
  less: 'Less',
  lessEqual: 'LessOrEqual',
  equal: 'Equal',
  notEqual: 'Equal',
};

/** The step as its formula; a formula smaller than the step's output is repeated, which is all that `expand` and `fill` do. */
export function formula(call: Call, expression: Expression): Value {
  const whole = WHOLE[call.step.name];
  if (whole !== undefined) return emit(call, whole, readAll(call));
  return expanded(call, numberOf(expression, { call, known: new Map() }), call.sizes);
}

interface Scope {
  readonly call: Call;
  /** Terms that occur twice are one node. */
  readonly known: Map<Expression, Value>;
}

function numberOf(term: Expression, scope: Scope): Value {
  const found = scope.known.get(term);
  if (found !== undefined) return found;
  const value = newNumber(term, scope);
  scope.known.set(term, value);
  return value;
}

function newNumber(term: Expression, scope: Scope): Value {
  if ('input' in term) return read(scope.call, term.input);
  if ('constant' in term) return addScalar(scope.call.context.graph, term.constant);
  if (term.call in COMPARISONS) return cast(scope, truthOf(term, scope), DATA_TYPE.float);
  if (term.call === 'select') {
    const [condition, ...values] = term.of;
    return node(scope, 'Where', [truthOf(condition!, scope), ...values.map((each) => numberOf(each, scope))]);
  }
  return node(
    scope,
    NUMBERS[term.call]!,
    term.of.map((each) => numberOf(each, scope)),
  );
}

/** Whether a term is not 0. */
function truthOf(term: Expression, scope: Scope): Value {
  const comparison = 'call' in term ? COMPARISONS[term.call] : undefined;
  if (comparison === undefined || !('call' in term)) return cast(scope, numberOf(term, scope), DATA_TYPE.bool);
  const value = node(
    scope,
    comparison,
    term.of.map((each) => numberOf(each, scope)),
  );
  return term.call === 'notEqual' ? node(scope, 'Not', [value]) : value;
}

function node({ call }: Scope, op: string, inputs: readonly Value[]): Value {
  return emit(call, op, inputs, {}, broadcastSizes(inputs));
}

function cast({ call }: Scope, value: Value, to: number): Value {
  return emit(call, 'Cast', [value], { to }, value.sizes);
}
