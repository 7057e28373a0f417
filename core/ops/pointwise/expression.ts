/**
 * Scalar formulas as data. An element-wise op is such a formula over its inputs; the reference evaluates it, the gpu device prints
 * it as a kernel, fusion substitutes one into another.
 */

/** A scalar formula as data: an input by its number, a constant, or a function of other formulas. */
export type Expression =
  | {
      /** The number of the input, from 0. */
      readonly input: number;
    }
  | {
      /** A number, the same at every element. */
      readonly constant: number;
    }
  | {
      /** The function's name. */
      readonly call: ScalarFunction;
      /** Its arguments. */
      readonly of: readonly Expression[];
    };

interface Definition {
  evaluate(...values: number[]): number;
  /** The same in the gpu.js dialect. */
  print(...terms: string[]): string;
}

const infix = (operator: string) => (a: string, b: string) => `(${a} ${operator} ${b})`;
const choose = (operator: string) => (a: string, b: string) => `((${a} ${operator} ${b}) ? 1.0 : 0.0)`;
const math = (name: string) => (x: string) => `Math.${name}(${x})`;

/** Every function that a formula may call. Comparisons give 1 or 0; `select` takes its second argument where the first is not 0. */
const functions = {
  add: { evaluate: (a, b) => a + b, print: infix('+') },
  subtract: { evaluate: (a, b) => a - b, print: infix('-') },
  multiply: { evaluate: (a, b) => a * b, print: infix('*') },
  divide: { evaluate: (a, b) => a / b, print: infix('/') },
  negate: { evaluate: (x) => -x, print: (x) => `(-${x})` },
  abs: { evaluate: Math.abs, print: math('abs') },
  exp: { evaluate: Math.exp, print: math('exp') },
  log: { evaluate: Math.log, print: math('log') },
  sqrt: { evaluate: Math.sqrt, print: math('sqrt') },
  tanh: { evaluate: Math.tanh, print: math('tanh') },
  power: { evaluate: (x, exponent) => x ** exponent, print: (x, exponent) => `Math.pow(${x}, ${exponent})` },
  less: { evaluate: (a, b) => Number(a < b), print: choose('<') },
  lessEqual: { evaluate: (a, b) => Number(a <= b), print: choose('<=') },
  equal: { evaluate: (a, b) => Number(a === b), print: choose('==') },
  notEqual: { evaluate: (a, b) => Number(a !== b), print: choose('!=') },
  select: {
    evaluate: (condition, a, b) => (condition !== 0 ? a : b),
    print: (condition, a, b) => `((${condition} != 0.0) ? ${a} : ${b})`,
  },
} satisfies Record<string, Definition>;

/** The name of a function that a formula may call: `add`, `multiply`, `exp`, `less`, `select` and the others. */
export type ScalarFunction = keyof typeof functions;

export const SCALAR_FUNCTIONS = Object.keys(functions) as readonly ScalarFunction[];

const definitions: Record<ScalarFunction, Definition> = functions;

export function call(name: ScalarFunction, ...of: readonly Expression[]): Expression {
  return { call: name, of };
}

export function constant(value: number): Expression {
  return { constant: value };
}

/** x ** exponent: products for small integers, which are exact for negative x on every device, else a square root or a power. */
export function powerOf(x: Expression, exponent: number): Expression {
  if (exponent === 0) return constant(1);
  if (exponent === 0.5) return call('sqrt', x);
  if (exponent < 0) return call('divide', constant(1), powerOf(x, -exponent));
  if (!Number.isInteger(exponent) || exponent > 64) return call('power', x, constant(exponent));
  if (exponent === 1) return x;
  const half = powerOf(x, Math.floor(exponent / 2));
  const even = call('multiply', half, half);
  return exponent % 2 === 0 ? even : call('multiply', even, x);
}

/** Replaces every input by another expression. */
export function substitute(expression: Expression, replacement: (input: number) => Expression): Expression {
  if ('input' in expression) return replacement(expression.input);
  if ('constant' in expression) return expression;
  return { call: expression.call, of: expression.of.map((term) => substitute(term, replacement)) };
}

/** The expression as a function of the inputs' values at one element. */
export function evaluator(expression: Expression): (values: Float64Array) => number {
  if ('input' in expression) {
    const { input } = expression;
    return (values) => values[input]!;
  }
  if ('constant' in expression) {
    const { constant: value } = expression;
    return () => value;
  }
  const { evaluate } = definitions[expression.call];
  const [a, b, c] = expression.of.map(evaluator);
  if (b === undefined) return (values) => evaluate(a!(values));
  if (c === undefined) return (values) => evaluate(a!(values), b(values));
  return (values) => evaluate(a!(values), b(values), c(values));
}

/** Statements that compute the expression, and the name of its value; equal terms are computed once. `read` prints an input. */
export function printExpression(
  expression: Expression,
  read: (input: number) => string,
): { statements: string[]; result: string } {
  const statements: string[] = [];
  const names = new Map<string, string>();
  const visit = (term: Expression): string => {
    if ('constant' in term) return printNumber(term.constant);
    const code = 'input' in term ? read(term.input) : definitions[term.call].print(...term.of.map(visit));
    const known = names.get(code);
    if (known !== undefined) return known;
    const name = `t${names.size}`;
    names.set(code, name);
    statements.push(`const ${name} = ${code};`);
    return name;
  };
  return { result: visit(expression), statements };
}

function printNumber(value: number): string {
  const text = String(Math.abs(value));
  const float = /[.e]/.test(text) ? text : `${text}.0`;
  return value < 0 || Object.is(value, -0) ? `(-${float})` : float;
}

/** The formula for people: `max(a + b, 0)`-like text with inputs named x0, x1, ... */
export function formatExpression(expression: Expression): string {
  if ('input' in expression) return `x${expression.input}`;
  if ('constant' in expression) return String(expression.constant);
  return `${expression.call}(${expression.of.map(formatExpression).join(', ')})`;
}
