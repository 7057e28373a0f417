/** maxPool2d, its scatter and its gather: an independent loop as oracle, differences, devices, every option crossed, ties. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MaxPool2dOptions, maxPool2d, type Tensor, tensor, zeros } from '../../../core/index.ts';
import { maxPool2dGather, maxPool2dScatter } from '../../../core/ops/maxPool2d/maxPool2d.ts';
import { checkDevice, checkGradient, checkSecondGradient, type Input, input } from '../../support/check.ts';
import { onEveryDevice, reference } from '../../support/devices.ts';
import { evaluate } from '../../support/evaluate.ts';
import { distinctArray } from '../../support/random.ts';

type Pair = [number, number];
type Four = [number, number, number, number];

interface Case {
  readonly shape: Four;
  readonly options: { kernelSize: Pair; stride: Pair; padding: Pair; dilation: Pair; ceilMode: boolean };
}

const small = (min: number, max: number): fc.Arbitrary<Pair> => fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

/** Sizes such that every window holds a value; the odd lengths are those at which careless index division fails. */
const cases: fc.Arbitrary<Case> = fc
  .record({
    n: fc.integer({ min: 1, max: 2 }),
    c: fc.integer({ min: 1, max: 3 }),
    kernelSize: small(1, 4),
    stride: small(1, 3),
    paddingShare: small(0, 2),
    dilation: small(1, 3),
    ceilMode: fc.boolean(),
    extra: fc.tuple(fc.integer({ min: 0, max: 6 }), fc.constantFrom(0, 1, 2, 5, 7)),
    width: fc.constantFrom(undefined, undefined, undefined, 41, 47, 55, 61),
  })
  .map(({ n, c, kernelSize, stride, paddingShare, dilation, ceilMode, extra, width }) => {
    const padding = kernelSize.map((size, axis) => Math.min(paddingShare[axis]!, Math.floor(size / 2))) as Pair;
    const side = (axis: 0 | 1): number =>
      Math.max(dilation[axis], dilation[axis] * (kernelSize[axis] - 1) + 1 - 2 * padding[axis]) + extra[axis];
    return { shape: [n, c, side(0), width ?? side(1)], options: { kernelSize, stride, padding, dilation, ceilMode } };
  });

const distinct = (shape: Four, seed: number): Input => ({ shape, data: distinctArray(shape, seed) });

/** PyTorch's formula, counted up instead of divided: window k exists while it fits, with ceilMode while it reaches into the input. */
function starts(length: number, { kernelSize, stride, padding, dilation, ceilMode }: Case['options'], axis: 0 | 1): number[] {
  const span = dilation[axis] * (kernelSize[axis] - 1);
  const found: number[] = [];
  for (let start = -padding[axis]; ; start += stride[axis]) {
    const fits = start + span < length + padding[axis];
    const overhangs = start + span - stride[axis] < length + padding[axis] - 1 && start < length;
    if (!fits && !(ceilMode && overhangs)) return found;
    found.push(start);
  }
}

/** For each window the flat index of its first maximum, written down again with bounds tests and no shared code. */
function oracle({ shape: [n, c, h, w], options }: Case, x: ArrayLike<number>): { shape: Four; places: number[] } {
  const [tops, lefts] = [starts(h, options, 0), starts(w, options, 1)];
  const { kernelSize, dilation } = options;
  const places: number[] = [];
  for (let plane = 0; plane < n * c; plane++)
    for (const top of tops)
      for (const left of lefts) {
        let [most, place] = [Number.NEGATIVE_INFINITY, -1];
        for (let i = 0; i < kernelSize[0]; i++)
          for (let j = 0; j < kernelSize[1]; j++) {
            const [row, column] = [top + i * dilation[0], left + j * dilation[1]];
            if (row < 0 || row >= h || column < 0 || column >= w) continue;
            const at = (plane * h + row) * w + column;
            if (x[at]! > most) [most, place] = [x[at]!, at];
          }
        places.push(place);
      }
  return { shape: [n, c, tops.length, lefts.length], places };
}

describe('maxPool2d on the reference', () => {
  it('takes, scatters to and gathers from the maxima that the definition gives', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), async (test, seed) => {
        const [x, t] = [distinct(test.shape, seed), input(test.shape, seed + 1)];
        const expected = oracle(test, x.data);
        const dy = input(expected.shape, seed + 2);
        const [xs, ts, dys] = [x, t, dy].map(({ data, shape }) => tensor(data, shape)) as [Tensor, Tensor, Tensor];
        const pooled = maxPool2d(xs, test.options);
        expect(pooled.shape).toEqual(expected.shape);
        const [value, scattered, gathered] = await evaluate(
          [pooled, maxPool2dScatter(dys, xs, test.options), maxPool2dGather(ts, xs, test.options)],
          reference,
        );
        expect([...value!]).toEqual(expected.places.map((place) => x.data[place]));
        expect([...gathered!]).toEqual(expected.places.map((place) => t.data[place]));
        const sums = new Float64Array(x.data.length);
        expected.places.forEach((place, k) => {
          sums[place]! += dy.data[k]!;
        });
        scattered!.forEach((actual, k) => expect(actual).toBeCloseTo(sums[k]!, 12));
      }),
      { numRuns: 60 },
    );
  });
  it('has the gradients that differences give', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), (test, seed) =>
        checkGradient((x) => maxPool2d(x!, test.options), [distinct(test.shape, seed)]),
      ),
      { numRuns: 30 },
    );
  });
  it('has the second derivatives that differences give, and so have scatter and gather', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), async ({ shape, options }, seed) => {
        const x = distinct(shape, seed);
        const dy = input(oracle({ shape, options }, x.data).shape, seed + 1);
        const t = input(shape, seed + 2);
        await checkSecondGradient((each) => maxPool2d(each!, options), [x]);
        await checkGradient((d, each) => maxPool2dScatter(d!, each!, options), [dy, x]);
        await checkSecondGradient((each, of) => maxPool2dGather(each!, of!, options), [t, x]);
      }),
      { numRuns: 15 },
    );
  });
});

const tie: MaxPool2dOptions = { kernelSize: 2, stride: 1, padding: 1 };
const tied = [1, 3, 3, 3, 2, 3];

describe('ties', () => {
  it('go to the first maximum of each window, row by row', async () => {
    const x = tensor(tied, [1, 1, 2, 3]);
    const dy = tensor([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048], [1, 1, 3, 4]);
    const [scattered] = await evaluate([maxPool2dScatter(dy, x, tie)], reference);
    // Windows, row by row, meet their first 3 (or only value) at flat places 0 1 1 2 / 3 1 1 2 / 3 3 5 5.
    expect([...scattered!]).toEqual([1, 2 + 4 + 32 + 64, 8 + 128, 16 + 256 + 512, 0, 1024 + 2048]);
  });
  it('shrink no window: values of -3.4e38 lose against nothing but more', async () => {
    const x = tensor([-3.4e38, -3.3e38, -3.4e38, -3.4e38], [1, 1, 2, 2]);
    const [value] = await evaluate([maxPool2d(x, { kernelSize: 2, padding: 1 })], reference);
    expect([...value!]).toEqual([-3.4e38, -3.3e38, -3.4e38, -3.4e38]);
  });
});

onEveryDevice((device) => {
  it('agrees with the reference over random windows', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), async ({ shape, options }, seed) => {
        const x = distinct(shape, seed);
        await checkDevice(device, (each) => maxPool2d(each!, options), [x]);
        await checkDevice(device, (t, each) => maxPool2dGather(t!, each!, options), [input(shape, seed + 1), x]);
      }),
      { numRuns: 15 },
    );
  });
  it('agrees at ties and at the lowest values', async () => {
    await checkDevice(device, (x) => maxPool2d(x!, tie), [{ shape: [1, 1, 2, 3], data: Float64Array.from(tied) }], 1e-6);
    const low = { shape: [1, 1, 2, 2], data: Float64Array.of(-3.4e38, -3.3e38, -3.4e38, -3.4e38) };
    await checkDevice(device, (x) => maxPool2d(x!, { kernelSize: 2, padding: 1 }), [low], 1e-6);
  });
  it('agrees on the pooling of a ResNet stem', async () => {
    const options = { kernelSize: 3, stride: 2, padding: 1 };
    await checkDevice(device, (x) => maxPool2d(x!, options), [distinct([2, 8, 56, 56], 7)]);
  });
});

describe('what is refused', () => {
  it.each<[number[], MaxPool2dOptions, string]>([
    [[1, 4, 5], { kernelSize: 2 }, 'maxPool2d: x needs 4 axes [n, c, h, w], but it has shape [1, 4, 5]'],
    [
      [1, 2, 2, 3],
      { kernelSize: 3, dilation: 2 },
      'maxPool2d: a window of 3 x 3 does not fit into the padded x (x [1, 2, 2, 3], stride 3,3, padding 0,0, dilation 2,2, ceilMode false)',
    ],
    [
      [1, 1, 2, 9],
      { kernelSize: 2, padding: 1, dilation: 3 },
      'maxPool2d: a window of 2 x 2 holds no value of x at some place, since dilation steps over it (x [1, 1, 2, 9], ',
    ],
    [[1, 1, 5, 5], { kernelSize: 0 }, 'maxPool2d: kernelSize 0 given; it needs to be a whole number of at least 1'],
    [[1, 1, 5, 5], { kernelSize: [2, 1.5] }, 'maxPool2d: kernelSize [2,1.5] given'],
    [[1, 1, 5, 5], { kernelSize: 2, stride: 0 }, 'maxPool2d: stride 0 given'],
    [[1, 1, 5, 5], { kernelSize: 2, dilation: 0 }, 'maxPool2d: dilation 0 given'],
    [[1, 1, 5, 5], { kernelSize: 2, padding: -1 }, 'maxPool2d: padding -1 given; it needs to be a whole number of at least 0'],
    [
      [1, 1, 5, 5],
      { kernelSize: [3, 4], padding: [2, 2] },
      'maxPool2d: padding 2,2 given; it needs to be at most half of kernelSize 3,4',
    ],
  ])('%j with %j', (shape, options, message) => {
    expect(() => maxPool2d(zeros(shape), options)).toThrow(message);
  });
  it('scatter and gather of tensors that do not belong to x', () => {
    expect(() => maxPool2dScatter(zeros([1, 1, 2, 3]), zeros([1, 1, 4, 4]), { kernelSize: 2 })).toThrow(
      'maxPool2dScatter: dy needs shape [1, 1, 2, 2] (dy [1, 1, 2, 3], x [1, 1, 4, 4])',
    );
    expect(() => maxPool2dGather(zeros([1, 1, 4, 5]), zeros([1, 1, 4, 4]), { kernelSize: 2 })).toThrow(
      "maxPool2dGather: t needs x's shape (t [1, 1, 4, 5], x [1, 1, 4, 4])",
    );
  });
});
