/** matmul: a plain loop as oracle, transposes, batches that broadcast, vectors, long sums. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GpuProgram } from '../../../core/devices/gpu/kernel.ts';
import { gradient, matmul, type Shape, sum, type Tensor, tensor, zeros } from '../../../core/index.ts';
import { matmulProgram } from '../../../core/ops/matmul/gpu.ts';
import { matmulSizes } from '../../../core/ops/matmul/matmul.ts';
import { broadcastShapes, broadcastStrides, sizeOf, stridesOf } from '../../../core/shape.ts';
import { checkDevice, checkGradient, checkSecondGradient, type Formula, type Input, input } from '../../support/check.ts';
import { CANCELLATION_TOLERANCE, onEveryDevice, reference } from '../../support/devices.ts';
import { evaluate, planFor } from '../../support/evaluate.ts';

interface Case {
  readonly a: Shape;
  readonly b: Shape;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** m, k and n: one of them may be long, among them lengths that divide by 4. */
const lengths = fc
  .tuple(fc.constantFrom(1, 4, 41, 47, 55, 61, 64), fc.constantFrom(1, 2, 3, 4), fc.constantFrom(1, 2, 5, 8), fc.nat(2))
  .map(([long, p, q, at]) => [...[p, q].slice(0, at), long, ...[p, q].slice(at)]);
const batches = fc.constantFrom<[Shape, Shape]>(
  [[], []],
  [[2], [2]],
  [[3], []],
  [[], [3]],
  [[3], [1]],
  [[2, 3], [3]],
  [
    [3, 1],
    [1, 2],
  ],
  [[], [2, 2]],
);
const matrices: fc.Arbitrary<Case> = fc
  .tuple(lengths, batches, fc.boolean(), fc.boolean())
  .map(([[m, k, n], [batchA, batchB], transposeA, transposeB]) => ({
    a: [...batchA, ...(transposeA ? [k!, m!] : [m!, k!])],
    b: [...batchB, ...(transposeB ? [n!, k!] : [k!, n!])],
    transposeA,
    transposeB,
  }));
/** A vector has no axes to exchange: the option is there to be ignored. */
const vectors: fc.Arbitrary<Case> = fc
  .tuple(lengths, fc.constantFrom<Shape>([], [3], [2, 2]), fc.constantFrom('left', 'right', 'both'))
  .map(([[m, k, n], batch, side]) => ({
    a: side === 'right' ? [...batch, m!, k!] : [k!],
    b: side === 'left' ? [...batch, k!, n!] : [k!],
    transposeA: side !== 'right',
    transposeB: side !== 'left',
  }));
const cases = fc.oneof({ weight: 3, arbitrary: matrices }, { weight: 1, arbitrary: vectors });

const formulaOf =
  ({ transposeA, transposeB }: Case): Formula =>
  (a, b) =>
    matmul(a!, b!, { transposeA, transposeB });
const inputsOf = ({ a, b }: Case, seed: number): Input[] => [input(a, seed), input(b, seed + 1)];

/** Rows, columns and depth of each operand as [.., m, k] and [.., k, n], by strides. */
function operand(shape: Shape, transposed: boolean, vector: 'row' | 'column'): { shape: Shape; strides: number[] } {
  if (shape.length === 1)
    return vector === 'row' ? { shape: [1, shape[0]!], strides: [0, 1] } : { shape: [shape[0]!, 1], strides: [1, 0] };
  const swap = (list: readonly number[]): number[] => [...list.slice(0, -2), list.at(-1)!, list.at(-2)!];
  return transposed ? { shape: swap(shape), strides: swap(stridesOf(shape)) } : { shape, strides: stridesOf(shape) };
}

/** The definition, element by element; lengths dropped by vectors do not change the flat order. */
function oracle(test: Case, [a, b]: readonly Input[]): number[] {
  const left = operand(a!.shape, test.transposeA, 'row');
  const right = operand(b!.shape, test.transposeB, 'column');
  const batch = broadcastShapes('oracle', [left.shape.slice(0, -2), right.shape.slice(0, -2)]);
  const offsets = (x: { shape: Shape; strides: number[] }): number[] => {
    const own = x.shape.slice(0, -2);
    const matrix = x.shape.at(-1)! * x.shape.at(-2)!;
    const strides = broadcastStrides(own, batch);
    return Array.from({ length: sizeOf(batch) }, (_, at) =>
      stridesOf(batch).reduce((sum, stride, axis) => sum + (Math.floor(at / stride) % batch[axis]!) * strides[axis]! * matrix, 0),
    );
  };
  const [offsetA, offsetB] = [offsets(left), offsets(right)];
  const [m, k, n] = [left.shape.at(-2)!, left.shape.at(-1)!, right.shape.at(-1)!];
  const result: number[] = [];
  for (let image = 0; image < sizeOf(batch); image++) {
    for (let row = 0; row < m; row++) {
      for (let column = 0; column < n; column++) {
        let total = 0;
        for (let term = 0; term < k; term++) {
          const fromA = offsetA[image]! + row * left.strides.at(-2)! + term * left.strides.at(-1)!;
          const fromB = offsetB[image]! + term * right.strides.at(-2)! + column * right.strides.at(-1)!;
          total += a!.data[fromA]! * b!.data[fromB]!;
        }
        result.push(total);
      }
    }
  }
  return result;
}

describe('matmul', () => {
  it('is the sum in its definition', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), async (test, seed) => {
        const inputs = inputsOf(test, seed);
        const [a, b] = inputs.map(({ shape, data }) => tensor(data, shape));
        const [value] = await evaluate([formulaOf(test)(a!, b!)], reference);
        const expected = oracle(test, inputs);
        expect(value!.length).toBe(expected.length);
        expected.forEach((each, at) => expect(value![at]).toBeCloseTo(each, 12));
      }),
      { numRuns: 60 },
    );
  });

  it('has the gradients that differences give', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), (test, seed) => checkGradient(formulaOf(test), inputsOf(test, seed), seed)),
      { numRuns: 25 },
    );
  });

  it('has the second derivatives that differences give', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), (test, seed) => checkSecondGradient(formulaOf(test), inputsOf(test, seed), seed)),
      { numRuns: 10 },
    );
  });

  it('drops the axis of a vector', () => {
    expect(matmul(zeros([3]), zeros([3])).shape).toEqual([]);
    expect(matmul(zeros([5, 2, 3]), zeros([3])).shape).toEqual([5, 2]);
    expect(matmul(zeros([3]), zeros([3, 4])).shape).toEqual([4]);
    expect(matmul(zeros([3]), zeros([7, 3, 4])).shape).toEqual([7, 4]);
  });

  const stepsOf = (...results: Tensor[]): string[] => planFor(results, reference).steps.map(({ op }) => op.name);

  it('copies nothing for one matrix on the right, in the gradients neither', () => {
    const [a, b] = [tensor(new Float64Array(24), [2, 3, 4]), tensor(new Float64Array(8), [4, 2])];
    const y = matmul(a, b);
    expect(stepsOf(y)).toEqual(['matmul']);
    expect(stepsOf(...gradient(sum(y), [a, b])).sort()).toEqual(['expand', 'fill', 'matmul', 'matmul']);
  });

  it('permutes nothing for the gradients of a linear layer', () => {
    const [x, weight] = [tensor(new Float64Array(6), [2, 3]), tensor(new Float64Array(12), [4, 3])];
    const dy = tensor(new Float64Array(8), [2, 4]);
    const y = sum(matmul(matmul(x, weight, { transposeB: true }), dy, { transposeB: true }));
    expect(new Set(stepsOf(...gradient(y, [x, weight])))).toEqual(new Set(['fill', 'expand', 'matmul']));
  });

  it.each([
    [[2, 3], [4, 5], {}, 'the lengths summed over are 3 and 4, and need to be equal (shapes [2, 3] and [4, 5])'],
    [[2, 3], [3, 5], { transposeA: true }, 'are 2 and 3, and need to be equal (shapes [2, 3] and [3, 5], a transposed)'],
    [[2, 3], [3, 5], { transposeB: true }, 'are 3 and 5, and need to be equal (shapes [2, 3] and [3, 5], b transposed)'],
    [[3], [4], {}, 'the lengths summed over are 3 and 4, and need to be equal (shapes [3] and [4])'],
    [[2, 3], [], {}, 'a scalar was given; both operands need at least one axis (shapes [2, 3] and [])'],
    [
      [2, 3, 4],
      [5, 4, 6],
      {},
      'the batch axes, all but the last two, do not broadcast; only equal lengths or 1 go together (shapes [2, 3, 4] and [5, 4, 6])',
    ],
  ])('refuses %j times %j with %j', (a, b, options, message) => {
    expect(() => matmul(zeros(a), zeros(b), options)).toThrow(message);
    expect(() => matmul(zeros(a), zeros(b), options)).toThrow(/^matmul: /);
  });
});

describe('the gpu program', () => {
  const programOf = (a: Shape, b: Shape): GpuProgram =>
    matmulProgram(matmulSizes(a, b, { transposeA: false, transposeB: false }));

  it('makes two rows and columns a cell, then puts them in order', () => {
    const { launches, scratch } = programOf([2, 5, 3], [2, 3, 7]);
    expect(launches.map(({ kernel, cells }) => [kernel.name, kernel.lanes, cells])).toEqual([
      ['product', 4, [4, 3, 2]],
      ['addParts', 1, [7, 5, 2]],
    ]);
    expect(scratch).toEqual([4 * 3 * 4 * 2]);
  });

  it('makes four rows of a column, and four columns of a row', () => {
    expect(programOf([1, 9, 3], [1, 3, 1]).launches[0]!.cells).toEqual([1, 3, 1]);
    expect(programOf([1, 1, 3], [1, 3, 9]).launches[0]!.cells).toEqual([3, 1, 1]);
  });

  it('loads no more numbers than it multiplies', () => {
    const { source } = programOf([1, 64, 64], [1, 64, 64]).launches[0]!.kernel;
    expect(source.match(/\b[ab]\[/g)).toHaveLength(32);
    expect(source.match(/c\d \+=/g)).toHaveLength(32);
  });

  it('transposes b where many rows read it', () => {
    const names = (m: number): string[] =>
      matmulProgram(matmulSizes([1, m, 3], [1, 7, 3], { transposeA: false, transposeB: true })).launches.map(
        ({ kernel }) => kernel.name,
      );
    expect(names(16)).toEqual(['product', 'addParts']);
    expect(names(17)).toEqual(['transpose', 'product', 'addParts']);
  });

  it.each([4096, 4097, 8192, 9001, 50_021])('sums a k of %d in parts of at most 4,096', (k) => {
    const { launches } = programOf([1, 2, k], [1, k, 3]);
    const parts = launches[0]!.cells[2]!;
    const { source } = launches[0]!.kernel;
    const unrolled = source.match(/c0 \+=/g)!.length;
    const span = unrolled * Number(/k < (\d+); k\+\+/.exec(source)![1]);
    expect(parts).toBe(Math.ceil(k / 4096));
    expect(span).toBeLessThanOrEqual(4096);
    expect(span * parts).toBeGreaterThanOrEqual(k);
  });

  it.each([
    [
      [1, 70_000, 2],
      [1, 2, 4],
      [3, 1],
    ],
    [
      [70_000, 1, 2],
      [70_000, 2, 1],
      [1, 1],
    ],
    [
      [40_000, 1, 4100],
      [40_000, 4100, 1],
      [1, 3],
    ],
    [
      [1, 2, 2],
      [1, 2, 600_001],
      [1, 1],
    ],
    [
      [1, 65_535, 2],
      [1, 2, 4],
      [3, 3],
    ],
  ])('of %j times %j asks for no more cells than WebGPU starts along an axis', (a, b, axes) => {
    const { launches } = programOf(a, b);
    expect(launches.map(({ cells }) => cells.length)).toEqual(axes);
    for (const { cells } of launches) if (cells.length === 3) expect(Math.max(...cells)).toBeLessThanOrEqual(65_535);
  });

  it('keeps the parts of a large product within what a kernel can index', () => {
    expect(programOf([1, 4000, 4100], [1, 4100, 4000]).scratch).toEqual([16_000_000]);
  });
});

onEveryDevice((device) => {
  it('agrees with the reference', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), (test, seed) =>
        checkDevice(device, formulaOf(test), inputsOf(test, seed), CANCELLATION_TOLERANCE),
      ),
      { numRuns: 12 },
    );
  });

  /** Positive numbers, so that nothing cancels and the tolerance says what the sum itself costs. */
  const positive = (shape: Shape, seed: number): Input => ({ ...input(shape, seed, 0.5, 1), differentiable: false });

  it('transposes a large b first', async () => {
    const [a, b] = [input([2, 21, 5], 1), input([2, 7, 5], 2)];
    await checkDevice(device, (x, y) => matmul(x!, y!, { transposeB: true }), [a, b], CANCELLATION_TOLERANCE);
  });

  it.each([4099, 9001])('adds %d products in parts', async (k) => {
    // Nothing cancels: float32 errs by about 6e-8 sqrt(4096) = 4e-6 in a part, and less in adding the parts.
    await checkDevice(device, (a, b) => matmul(a!, b!), [positive([2, k], 1), positive([k, 4], 2)], 1e-5);
    await checkDevice(device, (a, b) => matmul(a!, b!), [positive([k], 1), positive([2, k, 3], 2)], 1e-5);
  });

  it('takes more rows, columns or batches than an axis of cells has', async () => {
    await checkDevice(device, (a, b) => matmul(a!, b!), [positive([70_000, 2], 1), positive([2, 4], 2)]);
    await checkDevice(device, (a, b) => matmul(a!, b!), [positive([70_000, 1, 2], 1), positive([70_000, 2, 1], 2)]);
    await checkDevice(device, (a, b) => matmul(a!, b!), [positive([1, 2], 1), positive([2, 600_001], 2)]);
  });
});
