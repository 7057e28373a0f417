/** Sums, maxima, mean, variance over any axes: plain loops as oracle, differences, devices, long and prime runs. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  expand,
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
import { sumTo } from '../../../core/ops/reduce/sum.ts';
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

/** Between 0.25 and 2.25: a float32 sum that cancelled to almost nothing would have no relative error to speak of. */
const positive = (shape: Shape, seed: number): Input => ({ shape, data: distinctArray(shape, seed).map((x) => x + 1.25) });

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
          checkDevice(device, (x) => formula(x!, axes, keepDims), [positive(shape, seed)]),
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
      ['sumRun', 65],
    ]);
  });

  it('never loops over more than 4,096, and covers every element', () => {
    const anyShape = fc.array(fc.constantFrom(1, 2, 3, 41, 2048, 4096, 4099, 6000, 9001, 50_021), { minLength: 1, maxLength: 4 });
    const anyAxes = anyShape
      .filter((shape) => sizeOf(shape) <= 2 ** 24)
      .chain((shape) => fc.tuple(fc.constant(shape), fc.subarray([...shape.keys()], { minLength: 1 })));
    fc.assert(
      fc.property(anyAxes, ([shape, axes]) => {
        const { launches, scratch } = reductionProgram('sum', shape, axes);
        for (const { constants } of launches) {
          const { run, parts = 1, length = run! } = constants;
          expect(length).toBeLessThanOrEqual(4096);
          // Every part has a first element, and together they reach the end of the run.
          expect([parts <= run!, parts * length >= run!]).toEqual([true, true]);
        }
        expect(scratch.length).toBe(launches.length - 1);
        expect(launches.at(-1)!.cells).toEqual([sizeOf(shape.filter((_, axis) => !axes.includes(axis)))]);
      }),
      { numRuns: 200 },
    );
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

describe('sumTo', () => {
  it('sums over the axes along which a shape was repeated', async () => {
    const x = tensor(Array.from({ length: 12 }, (_, k) => k));
    const whole = reshape(x, [2, 3, 2]);
    const results = [sumTo(whole, [3, 1]), sumTo(whole, [2]), sumTo(whole, [2, 1, 1]), sumTo(whole, [])];
    expect(results.map(({ shape }) => shape)).toEqual([[3, 1], [2], [2, 1, 1], []]);
    // [[0, 1], [2, 3], [4, 5]] and [[6, 7], [8, 9], [10, 11]]
    expect((await evaluate(results, reference)).map((values) => [...values])).toEqual([[14, 22, 30], [30, 36], [15, 51], [66]]);
    expect(sumTo(whole, [2, 3, 2])).toBe(whole);
  });

  it('is the adjoint of expand, first and second', async () => {
    for (const [from, to] of [
      [
        [3, 1],
        [2, 3, 41],
      ],
      [[], [5, 2]],
      [
        [1, 47],
        [3, 47],
      ],
    ] as [Shape, Shape][]) {
      await checkGradient((x) => expand(x!, to), [input(from, 1)]);
      await checkGradient((x) => sumTo(x!, from), [input(to, 2)]);
      await checkSecondGradient((x) => sumTo(mul(x!, x!), from), [input(to, 3)]);
    }
  });
});

describe('what is refused', () => {
  it('axes that do not exist, and those named twice', () => {
    expect(() => sum(zeros([2]), 1)).toThrow('sum: axis 1 does not exist in shape [2]; use an integer from -1 to 0');
    expect(() => max(zeros([2, 3]), [0, -3])).toThrow('max: axis -3 does not exist in shape [2, 3]');
    expect(() => sum(zeros([2]), [0, -1])).toThrow('sum: axes [0,-1] name an axis twice');
    expect(() => variance(zeros([2]), 5)).toThrow('axis 5 does not exist in shape [2]');
  });
});

onEveryDevice((device) => {
  it.each(Object.keys(formulas))('%s over several long axes, neighbours or not', async (name) => {
    const formula = formulas[name]!;
    for (const [shape, axes] of [
      [
        [67, 2, 71, 3],
        [0, 2],
      ],
      [
        [2, 83, 89],
        [1, 2],
      ],
      [
        [4099, 2, 5],
        [0, 2],
      ],
      [
        [3, 41, 61],
        [-1, 0],
      ],
    ] as [Shape, number[]][])
      await checkDevice(device, (x) => formula(x!, axes, false), [input(shape, 2, 0.5, 1)]);
  });
});
