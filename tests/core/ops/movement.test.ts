/** slice, place, pad, concat, stack, permute: against ndarray views and plain loops, differences, and every device. */
import fc from 'fast-check';
import ndarray from 'ndarray';
import { describe, expect, it } from 'vitest';
import { toHost } from '../../../core/host.ts';
import {
  concat,
  pad,
  permute,
  place,
  type Range,
  type Shape,
  slice,
  square,
  stack,
  type Tensor,
  tensor,
  transpose,
  zeros,
} from '../../../core/index.ts';
import { sizeOf } from '../../../core/shape.ts';
import { checkDevice, checkGradient, checkSecondGradient, type Formula, input } from '../../support/check.ts';
import { onEveryDevice, reference } from '../../support/devices.ts';
import { evaluate } from '../../support/evaluate.ts';

const shapes = fc
  .array(fc.constantFrom(1, 2, 3, 5, 41, 47), { minLength: 1, maxLength: 3 })
  .filter((shape) => sizeOf(shape) < 5000);
const value = async (x: Tensor): Promise<number[]> => [...(await evaluate([x], reference))[0]!];

/** A random slice of a shape: start, step of either sign, and a count that fits. */
const slices = shapes.chain((shape) =>
  fc.tuple(
    fc.constant(shape),
    fc.tuple(...shape.map((length) => fc.tuple(fc.nat(length - 1), fc.constantFrom(1, 2, 3, -1, -2), fc.nat(1000)))),
  ),
);

function toRanges(shape: Shape, picks: readonly (readonly [number, number, number])[]): { ranges: Range[]; count: number[] } {
  const count = picks.map(
    ([start, step, much], axis) => 1 + (much % (1 + Math.floor((step > 0 ? shape[axis]! - 1 - start : start) / Math.abs(step)))),
  );
  const ranges = picks.map(([start, step], axis) => {
    const stop = start + step * count[axis]!;
    return { start, step, ...(stop >= 0 && { stop }) };
  });
  return { ranges, count };
}

const arrayOf = (shape: Shape): { data: Float64Array; shape: Shape } => input(shape, 7);

describe('slice', () => {
  it('is an ndarray view', async () => {
    await fc.assert(
      fc.asyncProperty(slices, async ([shape, picks]) => {
        const { data } = arrayOf(shape);
        const { ranges, count } = toRanges(shape, picks);
        const whole = ndarray(data, [...shape]);
        const stride = whole.stride.map((each, axis) => each * picks[axis]![1]);
        const offset = picks.reduce((sum, [start], axis) => sum + start * whole.stride[axis]!, 0);
        const view = ndarray(data, count, stride, offset);
        const sliced = slice(tensor(data, shape), ranges);
        expect(sliced.shape).toEqual(count);
        expect(await value(sliced)).toEqual([...toHost(view).data]);
      }),
    );
  });
  it('takes indices, open ends and negative numbers as NumPy does', async () => {
    const x = tensor([0, 1, 2, 3, 4, 5]);
    expect(await value(slice(x, [{ start: -2 }]))).toEqual([4, 5]);
    expect(await value(slice(x, [{ step: -2 }]))).toEqual([5, 3, 1]);
    expect(await value(slice(x, [{ stop: 99, start: 4 }]))).toEqual([4, 5]);
    expect(slice(zeros([2, 3, 4]), [-1, undefined, 2]).shape).toEqual([3]);
  });
  it.each([
    [[{ start: 3, stop: 3 }], 'slice: the range of axis 0 (start 3, stop 3, step 1) is empty in shape [5]'],
    [[5], 'slice: index 5 is outside axis 0 of shape [5]; use an integer from -5 to 4'],
    [[{ step: 0 }], 'slice: step 0 given for axis 0'],
    [[0, 0], 'slice: 2 ranges given for shape [5]'],
  ] as [Range[], string][])('refuses %j', (ranges, message) => {
    expect(() => slice(zeros([5]), ranges)).toThrow(message);
  });
});

describe('place and pad', () => {
  it('pads with any value', async () => {
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
  });
  it('refuses what does not fit', () => {
    expect(() => place(zeros([3]), { start: [1], step: [2], shape: [5] })).toThrow(
      'place: x of shape [3] at [1] with steps [2] does not fit into [5]',
    );
    expect(() => pad(zeros([3]), [[-1, 0]])).toThrow('pad: padding [[-1,0]] given for shape [3]');
  });
});

describe('concat and stack', () => {
  it('join along any axis', async () => {
    const [a, b] = [tensor([[1, 2]]), tensor([[3, 4]])];
    expect(await value(concat([a, b], 0))).toEqual([1, 2, 3, 4]);
    expect(await value(concat([a, b, a], -1))).toEqual([1, 2, 3, 4, 1, 2]);
    expect(stack([a, b], 1).shape).toEqual([1, 2, 2]);
  });
  it('refuses other lengths elsewhere', () => {
    expect(() => concat([zeros([1, 2]), zeros([1, 3])], 0)).toThrow(
      'concat: shapes [1, 2] and [1, 3] differ in another axis than 0',
    );
  });
});

describe('permute', () => {
  it('is an ndarray transpose', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.nat(1e6), async (shape, seed) => {
        const axes = shape.map((_, axis) => axis).sort((a, b) => ((a * 7919 + seed) % 13) - ((b * 7919 + seed) % 13));
        const { data } = arrayOf(shape);
        expect(await value(permute(tensor(data, shape), axes))).toEqual([
          ...toHost(ndarray(data, [...shape]).transpose(...axes)).data,
        ]);
      }),
    );
  });
  it('refuses axes named twice', () => {
    expect(() => permute(zeros([2, 3]), [0, 0])).toThrow('permute: axes [0, 0] given for shape [2, 3]');
    expect(() => transpose(zeros([2]))).toThrow('transpose: shape [2] has fewer than two axes');
  });
});

/** Formulas with their inputs, for gradients and devices. */
const formulas: [string, Formula, Shape[]][] = [
  ['slice with steps', (x) => slice(x!, [{ start: 1, step: 2 }, { step: -3 }, 1]), [[5, 47, 3]]],
  ['slice by option A', (x) => slice(x!, [undefined, undefined, { step: 2 }, { step: 2 }]), [[2, 3, 8, 7]]],
  ['place with steps', (x) => place(x!, { start: [1, 46], step: [2, -11], shape: [7, 55] }), [[3, 4]]],
  [
    'pad',
    (x) =>
      pad(
        x!,
        [
          [0, 0],
          [2, 3],
          [1, 0],
          [0, 1],
        ],
        0.5,
      ),
    [[2, 3, 5, 4]],
  ],
  [
    'concat',
    (...xs) => concat(xs, 1),
    [
      [3, 2],
      [3, 41],
      [3, 1],
    ],
  ],
  ['concat of 16', (...xs) => concat(xs, 0), Array.from({ length: 16 }, (_, k) => [1 + (k % 3), 5])],
  [
    'stack',
    (...xs) => stack(xs, 2),
    [
      [3, 4],
      [3, 4],
    ],
  ],
  ['permute', (x) => permute(x!, [2, 0, 3, 1]), [[2, 3, 5, 41]]],
  ['transpose', (x) => transpose(x!), [[4, 3, 47]]],
];

describe.each(formulas)('%s', (_, formula, inputShapes) => {
  const inputs = inputShapes.map((shape, k) => input(shape, k + 3));
  it('has the gradients that differences give, first and second', async () => {
    await checkGradient(formula, inputs);
    await checkSecondGradient((...xs) => formula(...xs.map((x) => square(x))), inputs);
  });
  onEveryDevice((device) => {
    it('agrees with the reference', () => checkDevice(device, formula, inputs));
  });
});
