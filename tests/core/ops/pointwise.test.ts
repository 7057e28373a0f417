/** Element-wise ops: values against Math, gradients against differences, every device against the reference, broadcasting. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../../core/index.ts';
import * as ops from '../../../core/index.ts';
import { sizeOf } from '../../../core/shape.ts';
import {
  checkDevice,
  checkGradient,
  checkSecondGradient,
  checkThirdGradient,
  type Formula,
  type Input,
  input,
} from '../../support/check.ts';
import { onEveryDevice, reference } from '../../support/devices.ts';
import { evaluate } from '../../support/evaluate.ts';
import { distinctArray } from '../../support/random.ts';

interface Case {
  readonly formula: Formula;
  readonly arity: number;
  /** Where inputs are drawn from. */
  readonly range: readonly [number, number];
  readonly math: (...x: number[]) => number;
  /** Kinks are kept away from. */
  readonly kinks?: boolean;
}

const smooth: Record<string, Case> = {
  add: { formula: (a, b) => ops.add(a!, b!), arity: 2, range: [-2, 2], math: (a, b) => a! + b! },
  sub: { formula: (a, b) => ops.sub(a!, b!), arity: 2, range: [-2, 2], math: (a, b) => a! - b! },
  mul: { formula: (a, b) => ops.mul(a!, b!), arity: 2, range: [-2, 2], math: (a, b) => a! * b! },
  div: { formula: (a, b) => ops.div(a!, b!), arity: 2, range: [0.5, 2], math: (a, b) => a! / b! },
  neg: { formula: (x) => ops.neg(x!), arity: 1, range: [-2, 2], math: (x) => -x! },
  exp: { formula: (x) => ops.exp(x!), arity: 1, range: [-2, 2], math: Math.exp },
  log: { formula: (x) => ops.log(x!), arity: 1, range: [0.5, 2], math: Math.log },
  sqrt: { formula: (x) => ops.sqrt(x!), arity: 1, range: [0.5, 2], math: Math.sqrt },
  square: { formula: (x) => ops.square(x!), arity: 1, range: [-2, 2], math: (x) => x! * x! },
  cube: { formula: (x) => ops.pow(x!, 3), arity: 1, range: [-2, 2], math: (x) => x! ** 3 },
  'pow 1.7': { formula: (x) => ops.pow(x!, 1.7), arity: 1, range: [0.5, 2], math: (x) => x! ** 1.7 },
  'pow -2': { formula: (x) => ops.pow(x!, -2), arity: 1, range: [0.5, 2], math: (x) => x! ** -2 },
  sigmoid: { formula: (x) => ops.sigmoid(x!), arity: 1, range: [-4, 4], math: (x) => 1 / (1 + Math.exp(-x!)) },
  tanh: { formula: (x) => ops.tanh(x!), arity: 1, range: [-2, 2], math: Math.tanh },
};

const kinked: Record<string, Case> = {
  abs: { formula: (x) => ops.abs(x!), arity: 1, range: [-1, 1], math: Math.abs, kinks: true },
  relu: { formula: (x) => ops.relu(x!), arity: 1, range: [-1, 1], math: (x) => Math.max(x!, 0), kinks: true },
  maximum: { formula: (a, b) => ops.maximum(a!, b!), arity: 2, range: [-1, 1], math: Math.max, kinks: true },
  minimum: { formula: (a, b) => ops.minimum(a!, b!), arity: 2, range: [-1, 1], math: Math.min, kinks: true },
  where: {
    formula: (c, a, b) => ops.where(ops.greater(c!, 0), a!, b!),
    arity: 3,
    range: [-1, 1],
    math: (c, a, b) => (c! > 0 ? a! : b!),
    kinks: true,
  },
  clamp: {
    formula: (x) => ops.clamp(x!, -0.5, 0.5),
    arity: 1,
    range: [-1, 1],
    math: (x) => Math.min(Math.max(x!, -0.5), 0.5),
    kinks: true,
  },
};

const comparisons: Record<string, Case> = {
  less: { formula: (a, b) => ops.less(a!, b!), arity: 2, range: [-1, 1], math: (a, b) => Number(a! < b!) },
  lessEqual: { formula: (a, b) => ops.lessEqual(a!, b!), arity: 2, range: [-1, 1], math: (a, b) => Number(a! <= b!) },
  greater: { formula: (a, b) => ops.greater(a!, b!), arity: 2, range: [-1, 1], math: (a, b) => Number(a! > b!) },
  greaterEqual: { formula: (a, b) => ops.greaterEqual(a!, b!), arity: 2, range: [-1, 1], math: (a, b) => Number(a! >= b!) },
  equal: { formula: (a, b) => ops.equal(a!, b!), arity: 2, range: [-1, 1], math: (a, b) => Number(a! === b!) },
  notEqual: { formula: (a, b) => ops.notEqual(a!, b!), arity: 2, range: [-1, 1], math: (a, b) => Number(a! !== b!) },
  sign: { formula: (x) => ops.sign(x!), arity: 1, range: [-1, 1], math: Math.sign },
};

/** Lengths with the sizes at which a careless index division fails. */
const length = fc.constantFrom(1, 2, 3, 5, 7, 41, 47, 55, 61);
/** Shapes that broadcast against each other: some axes of the common shape dropped in front or set to 1. */
const shapes = (count: number): fc.Arbitrary<number[][]> =>
  fc.array(length, { minLength: 0, maxLength: 3 }).chain((common) =>
    fc
      .array(fc.tuple(fc.nat({ max: common.length }), fc.array(fc.boolean(), { minLength: 3, maxLength: 3 })), {
        minLength: count,
        maxLength: count,
      })
      .map((drops) => drops.map(([dropped, ones]) => common.slice(dropped).map((size, axis) => (ones[axis] ? 1 : size)))),
  );

/** Inputs of ops with kinks share one set of distinct values: no element of one is close to an element of another either. */
function inputsFor({ arity, range, kinks }: Case, shapes: readonly number[][], seed: number): Input[] {
  const own = shapes.slice(0, arity);
  if (!kinks) return own.map((shape, k) => input(shape, seed + k, range[0], range[1]));
  const values = distinctArray([own.reduce((total, shape) => total + sizeOf(shape), 0)], seed);
  let end = 0;
  return own.map((shape) => {
    end += sizeOf(shape);
    return { shape, data: values.slice(end - sizeOf(shape), end) };
  });
}

const table = Object.entries({ ...smooth, ...kinked, ...comparisons });

describe('values on the reference are what Math gives', () => {
  it.each(table)('%s', async (_, test) => {
    const inputs = inputsFor(
      test,
      [
        [5, 3],
        [5, 3],
        [5, 3],
      ],
      11,
    );
    const [value] = await evaluate([test.formula(...inputs.map(({ shape, data }) => ops.tensor(data, shape)))], reference);
    value!.forEach((actual, k) => expect(actual).toBeCloseTo(test.math(...inputs.map(({ data }) => data[k]!)), 12));
  });
});

describe('gradients agree with finite differences', () => {
  it.each(Object.entries({ ...smooth, ...kinked }))('%s', async (_, test) => {
    await fc.assert(
      fc.asyncProperty(shapes(test.arity), fc.nat(1e6), (shape, seed) =>
        checkGradient(test.formula, inputsFor(test, shape, seed), seed),
      ),
      { numRuns: 8 },
    );
  });
  it.each(Object.entries(smooth))('second order of %s', async (_, test) => {
    await checkSecondGradient(test.formula, inputsFor(test, [[2, 3], [3], [1]], 5));
  });
  it.each(Object.entries(smooth))('third order of %s', async (_, test) => {
    await checkThirdGradient(test.formula, inputsFor(test, [[2, 3], [3], [1]], 6));
  });
});

onEveryDevice((device) => {
  it.each(table)('%s agrees with the reference', async (_, test) => {
    const differentiable = !(comparisons as Record<string, Case | undefined>)[_];
    const prepare = (shape: number[][], seed: number): Input[] =>
      inputsFor(test, shape, seed).map((each) => ({ ...each, differentiable }));
    await fc.assert(
      fc.asyncProperty(shapes(test.arity), fc.nat(1e6), (shape, seed) => checkDevice(device, test.formula, prepare(shape, seed))),
      { numRuns: 4 },
    );
  });
});

describe('what is refused', () => {
  it('shapes that do not broadcast, naming both', () => {
    expect(() => ops.add(ops.zeros([2, 3]), ops.zeros([4]))).toThrow(
      'add: shapes [2, 3] and [4] do not broadcast: at axis 1 the lengths are 3 and 4',
    );
  });
  it('a bound lets the gradient pass', async () => {
    const x = ops.tensor([-2, -1, 0, 1, 2]);
    const [dx] = await evaluate(ops.gradient(ops.sum(ops.clamp(x, -1, 1)), [x]), reference);
    expect([...dx!]).toEqual([0, 1, 1, 1, 0]);
  });
  it('a tie shares the gradient', async () => {
    const a = ops.tensor([1, 2]);
    const b = ops.tensor([1, 3]);
    const [da, db]: Tensor[] = ops.gradient(ops.sum(ops.maximum(a, b)), [a, b]);
    expect((await evaluate([da!, db!], reference)).map((x) => [...x])).toEqual([
      [0.5, 0],
      [0.5, 1],
    ]);
  });
});
