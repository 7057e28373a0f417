/** Sums, maxima, mean, variance over any axes: plain loops as oracle, differences, devices, long and prime runs. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  add,
  detach,
  flatten,
  gradient,
  max,
  mean,
  mul,
  reshape,
  type Shape,
  sum,
  type Tensor,
  tensor,
  variance,
  zeros,
} from '../../../core/index.ts';
import { reductionProgram } from '../../../core/ops/reduce/gpu.ts';
import { sizeOf, stridesOf } from '../../../core/shape.ts';
import { checkDevice, checkGradient, checkSecondGradient, type Input, input } from '../../support/check.ts';
import { onEveryDevice, reference } from '../../support/devices.ts';
import { evaluate } from '../../support/evaluate.ts';
import { distinctArray } from '../../support/random.ts';

const cases = fc
  .array(fc.constantFrom(1, 2, 3, 5, 41, 47), { minLength: 1, maxLength: 4 })
  .filter((shape) => sizeOf(shape) < 5000)
  .chain((shape) => fc.tuple(fc.constant(shape), fc.subarray([...shape.keys()]), fc.boolean(), fc.nat(1e6)));

const distinct = (shape: Shape, seed: number): Input => ({ shape, data: distinctArray(shape, seed) });

/** The values of x that belong to each output element, in the order of the outputs. */
function groups(x: Float64Array, shape: Shape, axes: readonly number[]): number[][] {
  const strides = stridesOf(shape.map((length, axis) => (axes.includes(axis) ? 1 : length)));
  const result: number[][] = [];
  x.forEach((value, at) => {
    const index = stridesOf(shape).map((stride, axis) => Math.floor(at / stride) % shape[axis]!);
    const to = index.reduce((total, k, axis) => (axes.includes(axis) ? total : total + k * strides[axis]!), 0);
    result[to] = [...(result[to] ?? []), value];
  });
  return result;
}

const average = (list: number[]): number => list.reduce((a, b) => a + b, 0) / list.length;
const oracles: Record<string, (list: number[]) => number> = {
  sum: (list) => list.reduce((a, b) => a + b, 0),
  max: (list) => Math.max(...list),
  mean: average,
  variance: (list) => average(list.map((value) => (value - average(list)) ** 2)),
};
const formulas: Record<string, (x: Tensor, axes: readonly number[], keepDims: boolean) => Tensor> = {
  sum,
  max,
  mean,
  variance: (x, axes, keepDims) => variance(x, axes, { keepDims }),
};

describe.each(Object.keys(formulas))('%s', (name) => {
  const formula = formulas[name]!;
  it('is what a plain loop gives', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ([shape, axes, keepDims, seed]) => {
        const { data } = distinct(shape, seed);
        const result = formula(tensor(data, shape), axes, keepDims);
        expect(result.shape).toEqual(
          keepDims
            ? shape.map((length, axis) => (axes.includes(axis) ? 1 : length))
            : shape.filter((_, axis) => !axes.includes(axis)),
        );
        const [values] = await evaluate([result], reference);
        groups(data, shape, axes).forEach((list, k) => expect(values![k]).toBeCloseTo(oracles[name]!(list), 10));
      }),
      { numRuns: 40 },
    );
  });
  it('has the gradients that differences give', async () => {
    await fc.assert(
      fc.asyncProperty(cases, ([shape, axes, keepDims, seed]) =>
        checkGradient((x) => formula(x!, axes, keepDims), [distinct(shape, seed)]),
      ),
      { numRuns: 20 },
    );
    await checkSecondGradient((x) => formula(mul(x!, x!), [1], false), [input([3, 5], 4, 0.5, 2)]);
  });
  onEveryDevice((device) => {
    it('agrees with the reference', async () => {
      await fc.assert(
        fc.asyncProperty(cases, ([shape, axes, keepDims, seed]) =>
          checkDevice(device, (x) => formula(x!, axes, keepDims), [distinct(shape, seed)]),
        ),
        { numRuns: 10 },
      );
    });
    it.each([4096, 4097, 4099, 8192, 20011])('takes a run of %d', async (length) => {
      // A sum of n values of either sign cancels to about sqrt(n): the error is 6e-8 sqrt(n) of that, kept below by stages.
      await checkDevice(device, (x) => formula(x!, [1], false), [input([2, length, 3], 1, 0.5, 1)]);
    });
  });
});

describe('the gpu program', () => {
  it('cuts runs above 4,096, primes too', () => {
    expect(
      reductionProgram('sum', [3, 4099, 2], [1]).launches.map(({ kernel, constants }) => [kernel.name, constants.run]),
    ).toEqual([
      ['sumPart', 4099],
      ['sumRun', 2],
    ]);
  });
});

describe('max', () => {
  it('shares the gradient among ties', async () => {
    const x = tensor([[3, 1, 3]]);
    expect([...(await evaluate([gradient(sum(max(x, 1)), [x])[0]!], reference))[0]!]).toEqual([0.5, 0, 0.5]);
  });
});

describe('variance', () => {
  it('can be unbiased', async () => {
    expect((await evaluate([variance(tensor([1, 2, 6]), 0, { correction: 1 })], reference))[0]![0]).toBeCloseTo(7, 12);
  });
});

describe('reshape, flatten and detach', () => {
  it('move nothing and pass gradients through, but for detach', async () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    const y = add(reshape(x, [3, -1]), detach(reshape(x, [3, 2])));
    const [slope] = gradient(sum(mul(y, y)), [x]);
    expect((await evaluate([y, slope!], reference)).map((values) => [...values])).toEqual([
      [2, 4, 6, 8, 10, 12],
      [4, 8, 12, 16, 20, 24],
    ]);
    expect(flatten(zeros([2, 3, 4])).shape).toEqual([2, 12]);
  });
  it('refuse sizes that differ', () => {
    expect(() => reshape(zeros([2, 3]), [4, 2])).toThrow('reshape: [2, 3] with 6 values does not fit shape [4, 2]');
    expect(() => reshape(zeros([2, 3]), [-1, 4])).toThrow('reshape: [2, 3] with 6 values does not fit shape [-1, 4]');
    expect(() => sum(zeros([2]), 1)).toThrow('sum: axis 1 does not exist in shape [2]; use an integer from -1 to 0');
    expect(() => sum(zeros([2]), [0, -1])).toThrow('sum: axes [0,-1] name an axis twice');
  });
});
