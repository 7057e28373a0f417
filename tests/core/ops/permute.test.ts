/** permute and transpose: ndarray's transpose as oracle, differences, every device, any rank up to 8. */
import fc from 'fast-check';
import ndarray from 'ndarray';
import { describe, expect, it } from 'vitest';
import { toHost } from '../../../core/host.ts';
import { permute, type Shape, square, tensor, transpose, zeros } from '../../../core/index.ts';
import { mergeAxes } from '../../../core/ops/slice/strided.ts';
import { sizeOf, stridesOf } from '../../../core/shape.ts';
import { checkDevice, checkGradient, checkSecondGradient, input } from '../../support/check.ts';
import { onEveryDevice, reference } from '../../support/devices.ts';
import { evaluate } from '../../support/evaluate.ts';

interface Case {
  readonly shape: Shape;
  readonly axes: readonly number[];
}

/** One long axis at most, and small ones; axes in any order. */
const cases: fc.Arbitrary<Case> = fc
  .tuple(fc.constantFrom(1, 41, 47, 55, 61), fc.array(fc.constantFrom(1, 2, 3), { maxLength: 7 }), fc.nat(7))
  .map(([long, small, at]) => [...small.slice(0, at), long, ...small.slice(at)])
  .filter((shape) => sizeOf(shape) < 4000)
  .chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      axes: fc.shuffledSubarray([...shape.keys()], { minLength: shape.length, maxLength: shape.length }),
    }),
  );

/** The same axes, some counted from the back. */
const counted = ({ axes }: Case): number[] => axes.map((axis, k) => (k % 2 === 0 ? axis : axis - axes.length));

describe('permute', () => {
  it('is an ndarray transpose', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async (test) => {
        const { data } = input(test.shape, 7);
        const permuted = permute(tensor(data, test.shape), counted(test));
        const expected = toHost(ndarray(data, [...test.shape]).transpose(...test.axes));
        expect(permuted.shape).toEqual(expected.shape);
        expect([...(await evaluate([permuted], reference))[0]!]).toEqual([...expected.data]);
      }),
      { numRuns: 60 },
    );
  });

  it('has the gradients that differences give', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ shape, axes }) => {
        await checkGradient((x) => permute(x!, axes), [input(shape, 3)]);
        await checkSecondGradient((x) => permute(square(x!), axes), [input(shape, 4)]);
      }),
      { numRuns: 10 },
    );
  });

  it('records nothing for the same order, and no step where only axes of length 1 move', () => {
    const x = zeros([4, 1, 3]);
    expect(permute(x, [0, 1, -1])).toBe(x);
    const moved = permute(x, [1, 0, 2]);
    expect([moved.shape, moved.source.kind === 'op' && moved.source.op.name]).toEqual([[1, 4, 3], 'reshape']);
  });

  it('refuses axes that are not each named once', () => {
    const message = 'permute: axes [0, 0] given for shape [2, 3]; name each of its 2 axes once';
    expect(() => permute(zeros([2, 3]), [0, 0])).toThrow(message);
    expect(() => permute(zeros([2, 3]), [0])).toThrow('permute: axes [0] given for shape [2, 3]');
    expect(() => permute(zeros([2, 3]), [0, 2])).toThrow(
      'permute: axis 2 does not exist in shape [2, 3]; use an integer from -2 to 1',
    );
  });
});

describe('transpose', () => {
  it('exchanges the last two axes', async () => {
    const x = tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect([...(await evaluate([transpose(x)], reference))[0]!]).toEqual([1, 4, 2, 5, 3, 6]);
    expect(transpose(zeros([5, 4, 3, 2])).shape).toEqual([5, 4, 2, 3]);
  });

  it('needs two', () => {
    expect(() => transpose(zeros([2]))).toThrow('transpose: shape [2] has fewer than two axes');
  });
});

describe('the kernel', () => {
  const divided = (shape: Shape, axes: readonly number[]): number[] => {
    const strides = stridesOf(shape);
    return mergeAxes(axes.map((axis) => ({ length: shape[axis]!, stride: strides[axis]! }))).map(({ length }) => length);
  };

  it('takes axes that stay neighbours as one', () => {
    expect(divided([2, 3, 5, 7], [0, 2, 3, 1])).toEqual([2, 35, 3]);
    expect(divided([2, 3, 5, 7], [2, 3, 0, 1])).toEqual([35, 6]);
    expect(divided([2, 1, 5, 1], [3, 2, 1, 0])).toEqual([5, 2]);
    expect(divided([2, 3, 4], [2, 1, 0])).toEqual([4, 3, 2]);
  });
});

onEveryDevice((device) => {
  it('agrees with the reference', async () => {
    await fc.assert(
      fc.asyncProperty(cases, ({ shape, axes }) => checkDevice(device, (x) => permute(x!, axes), [input(shape, 5)], 1e-6)),
      { numRuns: 25 },
    );
  });
});
