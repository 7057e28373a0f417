/** logSoftmax and softmax: plain loops as oracle, extreme values, differences, devices, every axis, an axis above 4,096. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { logSoftmax, type Shape, softmax, tensor, zeros } from '../../../core/index.ts';
import { checkDevice, checkGradient, checkSecondGradient, input } from '../../support/check.ts';
import { onEveryDevice, reference } from '../../support/devices.ts';
import { evaluate } from '../../support/evaluate.ts';

interface Case {
  readonly shape: Shape;
  readonly axis: number;
}

/** Lengths with the sizes at which a careless index division fails; the axis counted from the front or the back. */
const cases: fc.Arbitrary<Case> = fc
  .tuple(
    fc.array(fc.constantFrom(1, 2, 3, 5, 7), { minLength: 0, maxLength: 3 }),
    fc.constantFrom(1, 4, 41, 47, 55, 61),
    fc.nat(),
  )
  .chain(([others, length, place]) => {
    const at = place % (others.length + 1);
    const shape = [...others.slice(0, at), length, ...others.slice(at)];
    return fc.constantFrom({ shape, axis: at }, { shape, axis: at - shape.length });
  });

/** exp(x) / sum of exp(x), with the sum taken over everything that shares the other indices. */
function oracle({ shape, axis }: Case, x: Float64Array): number[] {
  const at = axis < 0 ? axis + shape.length : axis;
  const inner = shape.slice(at + 1).reduce((size, length) => size * length, 1);
  const row = (k: number): number => Math.floor(k / (inner * shape[at]!)) * inner + (k % inner);
  const sums = new Map<number, number>();
  x.forEach((value, k) => {
    sums.set(row(k), (sums.get(row(k)) ?? 0) + Math.exp(value));
  });
  return [...x].map((value, k) => Math.exp(value) / sums.get(row(k))!);
}

describe('on the reference', () => {
  it('logSoftmax and softmax are what the definition gives', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), async (test, seed) => {
        const { shape, data } = input(test.shape, seed, -3, 3);
        const x = tensor(data, shape);
        const [logarithms, shares] = await evaluate([logSoftmax(x, test.axis), softmax(x, test.axis)], reference);
        oracle(test, data).forEach((share, k) => {
          expect(shares![k]).toBeCloseTo(share, 12);
          expect(logarithms![k]).toBeCloseTo(Math.log(share), 12);
        });
      }),
      { numRuns: 40 },
    );
  });
  it('takes the last axis by default', () => {
    expect(logSoftmax(zeros([2, 3])).shape).toEqual([2, 3]);
    expect(logSoftmax(zeros([2, 3])).source).toMatchObject({ options: { axis: 1 } });
  });
  it('does not overflow', async () => {
    const [value] = await evaluate([logSoftmax(tensor([1e5, 1e5, -1e5]))], reference);
    expect([...value!]).toEqual([-Math.log(2), -Math.log(2), -2e5 - Math.log(2)]);
  });
  it('has the gradients that differences give', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), async ({ shape, axis }, seed) => {
        await checkGradient((x) => logSoftmax(x!, axis), [input(shape, seed, -3, 3)]);
        await checkGradient((x) => softmax(x!, axis), [input(shape, seed, -3, 3)]);
      }),
      { numRuns: 20 },
    );
  });
  it('has the second derivatives that differences give', async () => {
    await checkSecondGradient((x) => logSoftmax(x!, 1), [input([2, 5, 3], 4)]);
    await checkSecondGradient((x) => softmax(x!, 0), [input([4, 3], 4)]);
  });
});

/** exp(y) of y near -10 errs by 1e-6 of itself, and where dy - exp(y) sum(dy) cancels that is held against 1e-3 of the largest. */
const CANCELLATION = 1e-3;

onEveryDevice((device) => {
  it('agrees with the reference over random shapes and axes', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), async ({ shape, axis }, seed) => {
        await checkDevice(device, (x) => logSoftmax(x!, axis), [input(shape, seed, -3, 3)], CANCELLATION);
        await checkDevice(device, (x) => softmax(x!, axis), [input(shape, seed, -3, 3)], CANCELLATION);
      }),
      { numRuns: 12 },
    );
  });
  it('takes an axis longer than 4,096 in parts', async () => {
    await checkDevice(device, (x) => logSoftmax(x!, 1), [input([2, 5000, 3], 8, -3, 3)], CANCELLATION);
  });
  it('does not overflow', async () => {
    await checkDevice(device, (x) => logSoftmax(x!), [{ shape: [3], data: Float64Array.of(1e5, 1e5, -1e5) }]);
  });
});

describe('what is refused', () => {
  it('an axis that does not exist', () => {
    expect(() => logSoftmax(zeros([2, 3]), 2)).toThrow(
      'logSoftmax: axis 2 does not exist in shape [2, 3]; use an integer from -2 to 1',
    );
    expect(() => softmax(zeros([]))).toThrow('logSoftmax: axis -1 does not exist in shape []');
  });
});
