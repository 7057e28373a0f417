/** avgPool2d, its adjoint and globalAvgPool2d: an independent loop as oracle, differences, devices, every option crossed. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AvgPool2dOptions, avgPool2d, globalAvgPool2d, tensor, zeros } from '../../../core/index.ts';
import { avgPool2dInputGradient } from '../../../core/ops/avgPool2d/avgPool2d.ts';
import { checkDevice, checkGradient, checkSecondGradient, input } from '../../support/check.ts';
import { onEveryDevice, reference } from '../../support/devices.ts';
import { evaluate } from '../../support/evaluate.ts';

type Pair = [number, number];
type Four = [number, number, number, number];

interface Case {
  readonly shape: Four;
  readonly options: { kernelSize: Pair; stride: Pair; padding: Pair; ceilMode: boolean; countIncludePad: boolean };
}

const small = (min: number, max: number): fc.Arbitrary<Pair> => fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

/** Sizes such that at least one window exists; the odd lengths are those at which careless index division fails. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    n: fc.integer({ min: 1, max: 2 }),
    c: fc.integer({ min: 1, max: 3 }),
    kernelSize: small(1, 5),
    stride: small(1, 6),
    paddingShare: small(0, 2),
    ceilMode: fc.boolean(),
    countIncludePad: fc.boolean(),
    extra: fc.tuple(fc.integer({ min: 0, max: 6 }), fc.constantFrom(0, 1, 2, 5, 7)),
    width: fc.constantFrom(undefined, undefined, undefined, 41, 47, 55, 61),
  })
  .map(({ n, c, kernelSize, stride, paddingShare, ceilMode, countIncludePad, extra, width }) => {
    const padding = kernelSize.map((size, axis) => Math.min(paddingShare[axis]!, Math.floor(size / 2))) as Pair;
    const side = (axis: 0 | 1): number => Math.max(1, kernelSize[axis] - 2 * padding[axis]) + extra[axis];
    return { shape: [n, c, side(0), width ?? side(1)], options: { kernelSize, stride, padding, ceilMode, countIncludePad } };
  });

/** PyTorch's formula, counted up instead of divided: window k exists while it fits, with ceilMode while it reaches into the input. */
function starts(length: number, { kernelSize, stride, padding, ceilMode }: Case['options'], axis: 0 | 1): number[] {
  const found: number[] = [];
  for (let start = -padding[axis]; ; start += stride[axis]) {
    const end = start + kernelSize[axis];
    const overhangs = end - stride[axis] < length + padding[axis] && start < length;
    if (end > length + padding[axis] && !(ceilMode && overhangs)) return found;
    found.push(start);
  }
}

/** The definition: every place of the window is visited, those in the padding hold 0, those beyond it do not exist. */
function oracle({ shape: [n, c, h, w], options }: Case, x: ArrayLike<number>): { shape: Four; values: number[] } {
  const [tops, lefts] = [starts(h, options, 0), starts(w, options, 1)];
  const { kernelSize, padding, countIncludePad } = options;
  const values: number[] = [];
  for (let plane = 0; plane < n * c; plane++)
    for (const top of tops)
      for (const left of lefts) {
        let [total, count] = [0, 0];
        for (let row = top; row < Math.min(top + kernelSize[0], h + padding[0]); row++)
          for (let column = left; column < Math.min(left + kernelSize[1], w + padding[1]); column++) {
            const inside = row >= 0 && row < h && column >= 0 && column < w;
            if (inside) total += x[(plane * h + row) * w + column]!;
            if (inside || countIncludePad) count += 1;
          }
        values.push(total / count);
      }
  return { shape: [n, c, tops.length, lefts.length], values };
}

describe('avgPool2d on the reference', () => {
  it('is the mean that the definition gives', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), async (test, seed) => {
        const x = input(test.shape, seed);
        const expected = oracle(test, x.data);
        const pooled = avgPool2d(tensor(x.data, x.shape), test.options);
        expect(pooled.shape).toEqual(expected.shape);
        const [value] = await evaluate([pooled], reference);
        value!.forEach((actual, k) => expect(actual).toBeCloseTo(expected.values[k]!, 12));
      }),
      { numRuns: 60 },
    );
  });
  it('has the gradients that differences give, and so has its adjoint', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), async (test, seed) => {
        const { shape, options } = test;
        const x = input(shape, seed);
        await checkGradient((each) => avgPool2d(each!, options), [x]);
        const dy = input(oracle(test, x.data).shape, seed + 1);
        await checkGradient((each) => avgPool2dInputGradient(each!, [shape[2], shape[3]], options), [dy]);
      }),
      { numRuns: 20 },
    );
  });
  it('has the second derivatives that differences give', async () => {
    const options = { kernelSize: 3, stride: 2, padding: 1, ceilMode: true };
    await checkSecondGradient((x) => avgPool2d(x!, options), [input([2, 2, 6, 7], 5)]);
  });
  it('counts padding, but nothing beyond it, as PyTorch does', async () => {
    // Windows of two over 0 [1 2 3 4 5] 0 | beyond: {0, 1} {2, 3} {4, 5}, and with stride 3 {0, 1} {3, 4} and no third.
    const x = tensor([1, 2, 3, 4, 5], [1, 1, 1, 5]);
    const pool = (options: Partial<AvgPool2dOptions>) =>
      avgPool2d(x, { kernelSize: [1, 2], stride: [1, 2], padding: [0, 1], ...options });
    const results = await evaluate(
      [
        pool({}),
        pool({ countIncludePad: false }),
        pool({ ceilMode: true }),
        // Windows of four at -1, 2, 5: the last would begin in the right padding and is dropped.
        pool({ kernelSize: [1, 4], stride: [1, 3], ceilMode: true }),
        pool({ kernelSize: [1, 4], stride: [1, 5], ceilMode: true, countIncludePad: false }),
      ],
      reference,
    );
    expect(results.map((result) => [...result])).toEqual([
      [0.5, 2.5, 4.5],
      [1, 2.5, 4.5],
      [0.5, 2.5, 4.5],
      [6 / 4, 12 / 4],
      [6 / 3, 5],
    ]);
  });
});

describe('globalAvgPool2d', () => {
  it('is the mean of each channel', async () => {
    const pooled = globalAvgPool2d(tensor([1, 2, 3, 6, 10, 20, 30, 60], [1, 2, 2, 2]));
    expect(pooled.shape).toEqual([1, 2, 1, 1]);
    const [value] = await evaluate([pooled], reference);
    expect([...value!]).toEqual([3, 30]);
  });
  it('has the gradients that differences give', async () => {
    await checkGradient((x) => globalAvgPool2d(x!), [input([2, 3, 5, 7], 1)]);
  });
});

onEveryDevice((device) => {
  it('agrees with the reference over random windows', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), async (test, seed) => {
        const { shape, options } = test;
        const x = input(shape, seed);
        await checkDevice(device, (each) => avgPool2d(each!, options), [x]);
        const dy = input(oracle(test, x.data).shape, seed + 1);
        await checkDevice(device, (each) => avgPool2dInputGradient(each!, [shape[2], shape[3]], options), [dy]);
      }),
      { numRuns: 15 },
    );
  });
  it('takes windows of more than 4,096 values in two stages', async () => {
    const options = { kernelSize: [70, 61], stride: [3, 41], padding: [30, 0], ceilMode: true } as const;
    for (const countIncludePad of [true, false])
      await checkDevice(device, (x) => avgPool2d(x!, { ...options, countIncludePad }), [input([1, 2, 65, 103], 3)], 1e-3);
  });
  it('agrees on the mean of each channel', async () => {
    await checkDevice(device, (x) => globalAvgPool2d(x!), [input([2, 3, 41, 7], 1)]);
  });
});

describe('what is refused', () => {
  it.each<[number[], AvgPool2dOptions, string]>([
    [[1, 4, 5], { kernelSize: 2 }, 'avgPool2d: x needs 4 axes [n, c, h, w], but it has shape [1, 4, 5]'],
    [
      [1, 2, 2, 3],
      { kernelSize: 3 },
      'avgPool2d: a window of 3 x 3 does not fit into the padded x (x [1, 2, 2, 3], stride 3,3, padding 0,0, dilation 1,1, ceilMode false)',
    ],
    [[1, 1, 5, 5], { kernelSize: 2.5 }, 'avgPool2d: kernelSize 2.5 given; it needs to be a whole number of at least 1'],
    [[1, 1, 5, 5], { kernelSize: 3, padding: 2 }, 'avgPool2d: padding 2,2 given; it needs to be at most half of kernelSize 3,3'],
  ])('%j with %j', (shape, options, message) => {
    expect(() => avgPool2d(zeros(shape), options)).toThrow(message);
  });
  it('a gradient that does not belong to the input size, and other axes for the global mean', () => {
    expect(() => avgPool2dInputGradient(zeros([1, 1, 2, 3]), [4, 4], { kernelSize: 2 })).toThrow(
      'avgPool2dInputGradient: dy needs shape [1, 1, 2, 2] (dy [1, 1, 2, 3], x [1, 1, 4, 4])',
    );
    expect(() => globalAvgPool2d(zeros([2, 3]))).toThrow('globalAvgPool2d: x needs 4 axes [n, c, h, w], but it has shape [2, 3]');
  });
});
