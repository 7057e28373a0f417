/** slice, place and pad: NumPy's rules as a plain loop, differences, every device. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { add, pad, place, type Range, type Shape, slice, square, type Tensor, tensor, zeros } from '../../../core/index.ts';
import { placeProgram } from '../../../core/ops/slice/gpu.ts';
import type { PlaceOptions } from '../../../core/ops/slice/slice.ts';
import { sizeOf, stridesOf } from '../../../core/shape.ts';
import { checkDevice, checkGradient, checkSecondGradient, input } from '../../support/check.ts';
import { onEveryDevice, reference } from '../../support/devices.ts';
import { evaluate } from '../../support/evaluate.ts';

const value = async (x: Tensor): Promise<number[]> => [...(await evaluate([x], reference))[0]!];

const shapes = fc
  .tuple(fc.constantFrom(1, 41, 47, 55, 61), fc.array(fc.constantFrom(1, 2, 3, 5), { maxLength: 3 }), fc.nat(3))
  .map(([long, small, at]) => [...small.slice(0, at), long, ...small.slice(at)])
  .filter((shape) => sizeOf(shape) < 3000);

const bound = (length: number): fc.Arbitrary<number | undefined> =>
  fc.option(fc.integer({ min: -length - 2, max: length + 2 }), { nil: undefined });
const range = (length: number): fc.Arbitrary<Range> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.tuple(bound(length), bound(length), fc.constantFrom(1, 2, 3, 7, -1, -2, -5)).map(toRange) },
    { weight: 1, arbitrary: fc.integer({ min: -length, max: length - 1 }) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
const toRange = ([start, stop, step]: [number | undefined, number | undefined, number]): Range => ({
  ...(start !== undefined && { start }),
  ...(stop !== undefined && { stop }),
  ...(step !== 1 && { step }),
});

/** Shapes with ranges; a few are empty. */
const anySlices = shapes.chain((shape) => fc.tuple(fc.constant<Shape>(shape), fc.tuple(...shape.map(range))));
const slices = anySlices.filter(([shape, ranges]) => ranges.every((each, axis) => indices(each, shape[axis]!).length > 0));

/** Which indices of an axis a range takes, as NumPy's manual puts it: i, i + k, i + 2k, ... until j is reached or passed. */
function indices(each: Range, length: number): number[] {
  if (typeof each === 'number') return [each < 0 ? each + length : each];
  const k = each?.step ?? 1;
  const fromEnd = (index: number): number => (index < 0 ? index + length : index);
  const inside = (index: number): boolean => index >= 0 && index < length;
  // Out of bounds is clipped to just where the axis begins or ends, seen in the direction of k.
  let i = each?.start === undefined ? (k > 0 ? 0 : length - 1) : fromEnd(each.start);
  if (k > 0 && i < 0) i = 0;
  if (k < 0 && i >= length) i = length - 1;
  const j = each?.stop === undefined ? (k > 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY) : fromEnd(each.stop);
  const taken: number[] = [];
  for (; inside(i) && (k > 0 ? i < j : i > j); i += k) taken.push(i);
  return taken;
}

/** The flat indices of all combinations, the last axis fastest. */
function flatIndices(lists: readonly (readonly number[])[], shape: Shape): number[] {
  return lists.reduce<number[]>(
    (sums, list, axis) => sums.flatMap((sum) => list.map((index) => sum + index * stridesOf(shape)[axis]!)),
    [0],
  );
}

describe('slice', () => {
  it('takes what NumPy takes', async () => {
    await fc.assert(
      fc.asyncProperty(anySlices, async ([shape, ranges]) => {
        const { data } = input(shape, 7);
        const lists = shape.map((length, axis) => indices(ranges[axis], length));
        if (lists.some((list) => list.length === 0)) {
          expect(() => slice(tensor(data, shape), ranges)).toThrow(/^slice: the range of axis \d+ .* is empty in shape /);
          return;
        }
        const sliced = slice(tensor(data, shape), ranges);
        expect(sliced.shape).toEqual(lists.flatMap((list, axis) => (typeof ranges[axis] === 'number' ? [] : [list.length])));
        expect(await value(sliced)).toEqual(flatIndices(lists, shape).map((at) => data[at]));
      }),
      { numRuns: 150 },
    );
  });

  // numpy: x = np.arange(6.); x[-2:], x[::-2], x[4:99], x[-3::-1], x[4:1:-2], x[:-7:-1], x[3:-1]
  it.each([
    [{ start: -2 }, [4, 5]],
    [{ step: -2 }, [5, 3, 1]],
    [{ start: 4, stop: 99 }, [4, 5]],
    [{ start: -3, step: -1 }, [3, 2, 1, 0]],
    [{ start: 4, stop: 1, step: -2 }, [4, 2]],
    [{ stop: -7, step: -1 }, [5, 4, 3, 2, 1, 0]],
    [{ start: 3, stop: -1 }, [3, 4]],
  ] as [Range, number[]][])('%j of 0, 1, ..., 5', async (each, expected) => {
    expect(await value(slice(tensor([0, 1, 2, 3, 4, 5]), [each]))).toEqual(expected);
  });

  it('drops the axis of an index, keeps that of a range, and takes all of what is not named', () => {
    expect(slice(zeros([2, 3, 4]), [-1, undefined, 2]).shape).toEqual([3]);
    expect(slice(zeros([2, 3, 4]), [{ start: 1 }]).shape).toEqual([1, 3, 4]);
    expect(slice(zeros([2]), [0]).shape).toEqual([]);
  });

  it('records nothing where nothing is cut, but a flip does', () => {
    const x = zeros([2, 3]);
    expect(slice(x, [{}, { start: 0, stop: 3 }])).toBe(x);
    expect(slice(x, [{ step: -1 }])).not.toBe(x);
  });

  it('has the gradients that differences give', async () => {
    await fc.assert(
      fc.asyncProperty(slices, async ([shape, ranges]) => {
        await checkGradient((x) => slice(x!, ranges), [input(shape, 3)]);
        await checkSecondGradient((x) => slice(square(x!), ranges), [input(shape, 4)]);
      }),
      { numRuns: 15 },
    );
  });

  it.each([
    [
      [{ start: 3, stop: 3 }],
      'slice: the range of axis 0 (start 3, stop 3, step 1) is empty in shape [5]; empty tensors are not',
    ],
    [[{ step: -1, start: 0, stop: 4 }], 'slice: the range of axis 0 (start 0, stop 4, step -1) is empty in shape [5]'],
    [[{ start: 7 }], 'slice: the range of axis 0 (start 7, step 1) is empty in shape [5]'],
    [[5], 'slice: index 5 is outside axis 0 of shape [5]; use an integer from -5 to 4'],
    [[-6], 'slice: index -6 is outside axis 0 of shape [5]'],
    [[{ step: 0 }], 'slice: step 0 given for axis 0 of shape [5]; it needs to be a whole number other than 0'],
    [[{ start: 0.5 }], 'slice: start 0.5 given for axis 0 of shape [5]; it needs to be a whole number'],
    [[{ stop: Number.NaN }], 'slice: stop NaN given for axis 0 of shape [5]'],
    [[0, 0], 'slice: 2 ranges given for shape [5]; give at most one an axis'],
  ] as [Range[], string][])('refuses %j', (ranges, message) => {
    expect(() => slice(zeros([5]), ranges)).toThrow(message);
  });
});

/** A small shape with the options of a place that it fits. */
const places: fc.Arbitrary<[Shape, PlaceOptions]> = fc
  .tuple(shapes, fc.array(fc.tuple(fc.nat(3), fc.constantFrom(1, 1, 2, 3, -1, -2), fc.nat(3)), { minLength: 4, maxLength: 4 }))
  .map(([small, picks]): [Shape, PlaceOptions] => {
    const spans = small.map((length, axis) => (length - 1) * Math.abs(picks[axis]![1]));
    return [
      small,
      {
        start: small.map((_, axis) => picks[axis]![0] + (picks[axis]![1] < 0 ? spans[axis]! : 0)),
        step: small.map((_, axis) => picks[axis]![1]),
        shape: small.map((_, axis) => picks[axis]![0] + spans[axis]! + 1 + picks[axis]![2]),
      },
    ];
  })
  .filter(([, { shape }]) => sizeOf(shape) < 20_000);

describe('place', () => {
  it('is zeros with x where it was put', async () => {
    await fc.assert(
      fc.asyncProperty(places, async ([small, { start, step, shape }]) => {
        const { data } = input(small, 5);
        const lists = small.map((length, axis) => Array.from({ length }, (_, k) => start[axis]! + k * step[axis]!));
        const expected = new Array<number>(sizeOf(shape)).fill(0);
        flatIndices(lists, shape).forEach((at, k) => {
          expected[at] = data[k]!;
        });
        expect(await value(place(tensor(data, small), { start, step, shape }))).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('has the gradients that differences give', async () => {
    await fc.assert(
      fc.asyncProperty(places, async ([small, options]) => {
        await checkGradient((x) => place(x!, options), [input(small, 3)]);
        await checkSecondGradient((x) => place(square(x!), options), [input(small, 4)]);
      }),
      { numRuns: 10 },
    );
  });

  it('divides once for an image padded in channels', () => {
    const { launches } = placeProgram([2, 3, 5, 7], { start: [0, 4, 0, 0], step: [1, 1, 1, 1], shape: [2, 11, 5, 7] });
    expect(launches[0]!.kernel.source.split('idiv(').length - 1).toBe(1);
  });

  it.each([
    [{ start: [1], step: [2], shape: [5] }, 'place: x of shape [3] at [1] with steps [2] does not fit into [5]'],
    [{ start: [1], step: [-1], shape: [3] }, 'place: x of shape [3] at [1] with steps [-1] does not fit into [3]'],
    [{ start: [1], step: [1], shape: [3] }, 'does not fit into [3]'],
    [{ start: [0], step: [0], shape: [3] }, 'does not fit into [3]'],
    [{ start: [0, 0], step: [1, 1], shape: [3, 1] }, 'does not fit into [3, 1]'],
  ])('refuses %j', (options, message) => {
    expect(() => place(zeros([3]), options)).toThrow(message);
  });
});

describe('pad', () => {
  it('puts any value around', async () => {
    const padded = pad(
      tensor([[1, 2]]),
      [
        [1, 0],
        [0, 1],
      ],
      -7,
    );
    expect(padded.shape).toEqual([2, 3]);
    expect(await value(padded)).toEqual([-7, -7, -7, 1, 2, -7]);
    expect(await value(pad(tensor([3]), [[1, 2]]))).toEqual([0, 3, 0, 0]);
  });

  it('is x itself without padding', () => {
    const x = zeros([2, 3]);
    const none: [number, number][] = [
      [0, 0],
      [0, 0],
    ];
    expect(pad(x, none, 5)).toBe(x);
  });

  it('gives the padding no gradient', async () => {
    const around: [number, number][] = [
      [2, 0],
      [1, 3],
    ];
    const formula = (x?: Tensor): Tensor => square(add(pad(x!, around, 0.5), 1));
    await checkGradient(formula, [input([3, 4], 1)]);
    await checkSecondGradient(formula, [input([3, 4], 1)]);
  });

  it('refuses negative padding, and other than one pair an axis', () => {
    expect(() => pad(zeros([3]), [[-1, 0]])).toThrow(
      'pad: padding [[-1,0]] given for shape [3]; give [before, after] of whole numbers from 0 on for every axis',
    );
    expect(() => pad(zeros([3, 2]), [[1, 0]])).toThrow('pad: padding [[1,0]] given for shape [3, 2]');
    expect(() => pad(zeros([3]), [[1, 0]], Number.NaN)).toThrow('fill: value NaN given');
  });
});

onEveryDevice((device) => {
  it('slices as the reference does', async () => {
    await fc.assert(
      fc.asyncProperty(slices, ([shape, ranges]) => checkDevice(device, (x) => slice(x!, ranges), [input(shape, 5)], 1e-6)),
      { numRuns: 25 },
    );
  });
  it('places as the reference does', async () => {
    await fc.assert(
      fc.asyncProperty(places, ([small, options]) => checkDevice(device, (x) => place(x!, options), [input(small, 6)], 1e-6)),
      { numRuns: 25 },
    );
  });
  it('pads as the reference does', () => {
    const around: [number, number][] = [
      [0, 0],
      [2, 3],
      [1, 0],
      [0, 1],
    ];
    return checkDevice(device, (x) => pad(x!, around, 0.5), [input([2, 3, 41, 4], 8)], 1e-6);
  });
});
