/** matmul: a plain loop as oracle, transposes, batches that broadcast, vectors, long sums. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matmul, type Shape, tensor, zeros } from '../../../core/index.ts';
import { checkDevice, checkGradient, checkSecondGradient, type Formula, input } from '../../support/check.ts';
import { onEveryDevice, reference } from '../../support/devices.ts';
import { evaluate } from '../../support/evaluate.ts';

interface Case {
  readonly formula: Formula;
  readonly a: Shape;
  readonly b: Shape;
}

const length = fc.constantFrom(1, 2, 3, 4, 8, 41, 47);
const batches = fc.constantFrom<[Shape, Shape]>([[], []], [[2], [2]], [[3, 1], [2]], [[], [2, 2]]);
const cases: fc.Arbitrary<Case> = fc
  .tuple(length, length, length, batches, fc.boolean(), fc.boolean())
  .map(([m, k, n, [batchA, batchB], transposeA, transposeB]) => ({
    formula: (a, b) => matmul(a!, b!, { transposeA, transposeB }),
    a: [...batchA, ...(transposeA ? [k, m] : [m, k])],
    b: [...batchB, ...(transposeB ? [n, k] : [k, n])],
  }));

describe('matmul', () => {
  it('is the sum in its definition', async () => {
    await fc.assert(
      fc.asyncProperty(length, length, length, async (m, k, n) => {
        const [a, b] = [input([m, k], 1), input([k, n], 2)];
        const [value] = await evaluate([matmul(tensor(a.data, a.shape), tensor(b.data, b.shape))], reference);
        for (let row = 0; row < m; row++) {
          for (let column = 0; column < n; column++) {
            const expected = Array.from({ length: k }, (_, term) => a.data[row * k + term]! * b.data[term * n + column]!).reduce(
              (x, y) => x + y,
              0,
            );
            expect(value![row * n + column]).toBeCloseTo(expected, 12);
          }
        }
      }),
      { numRuns: 20 },
    );
  });
  it('has the gradients that differences give', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), ({ formula, a, b }, seed) =>
        checkGradient(formula, [input(a, seed), input(b, seed + 1)]),
      ),
      { numRuns: 30 },
    );
  });
  it('has the second derivatives that differences give', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), ({ formula, a, b }, seed) =>
        checkSecondGradient(formula, [input(a, seed), input(b, seed + 1)]),
      ),
      { numRuns: 10 },
    );
  });
  it('drops the axis of a vector', () => {
    expect(matmul(zeros([3]), zeros([3])).shape).toEqual([]);
    expect(matmul(zeros([5, 2, 3]), zeros([3])).shape).toEqual([5, 2]);
    expect(matmul(zeros([3]), zeros([3, 4])).shape).toEqual([4]);
  });
  it('refuses lengths that differ', () => {
    expect(() => matmul(zeros([2, 3]), zeros([4, 5]))).toThrow(
      'matmul: the lengths summed over are 3 and 4, and need to be equal',
    );
    expect(() => matmul(zeros([2, 3]), zeros([]))).toThrow('matmul: shapes [2, 3] and [] given; both need at least one axis');
  });
});

onEveryDevice((device) => {
  it('agrees with the reference', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), ({ formula, a, b }, seed) =>
        checkDevice(device, formula, [input(a, seed), input(b, seed + 1)]),
      ),
      { numRuns: 15 },
    );
  });
  it('adds long sums in parts', () =>
    checkDevice(device, (a, b) => matmul(a!, b!), [input([2, 9001], 1), input([9001, 4], 2)], 2e-3));
});
