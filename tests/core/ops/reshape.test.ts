/** reshape, flatten and detach: the same values under another shape, in no step of a plan. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  add,
  detach,
  flatten,
  gradient,
  mul,
  permute,
  reshape,
  type Shape,
  square,
  sum,
  tensor,
  zeros,
} from '../../../core/index.ts';
import { sizeOf } from '../../../core/shape.ts';
import { checkDevice, checkGradient, checkSecondGradient, input } from '../../support/check.ts';
import { onEveryDevice, reference } from '../../support/devices.ts';
import { evaluate, planFor } from '../../support/evaluate.ts';

/** Two shapes of one size: the same factors, grouped in two ways. */
const pairs: fc.Arbitrary<[Shape, Shape]> = fc
  .array(fc.constantFrom(1, 2, 3, 5, 41, 47), { minLength: 1, maxLength: 4 })
  .filter((factors) => sizeOf(factors) < 4000)
  .chain((factors) =>
    fc.tuple(fc.constant(factors), fc.array(fc.boolean(), { minLength: factors.length, maxLength: factors.length })),
  )
  .map(([factors, cuts]) => [factors, merged(factors, cuts)]);

function merged(factors: readonly number[], cuts: readonly boolean[]): number[] {
  const shape: number[] = [];
  factors.forEach((factor, k) => {
    if (k > 0 && cuts[k]) shape[shape.length - 1]! *= factor;
    else shape.push(factor);
  });
  return shape;
}

describe('reshape', () => {
  it('keeps the values in their order', async () => {
    await fc.assert(
      fc.asyncProperty(pairs, async ([from, to]) => {
        const { data } = input(from, 1);
        const y = reshape(tensor(data, from), to);
        expect(y.shape).toEqual(to);
        expect([...(await evaluate([y], reference))[0]!]).toEqual([...data]);
        expect(reshape(y, from).shape).toEqual(from);
      }),
      { numRuns: 30 },
    );
  });

  it('works out one length', () => {
    expect(reshape(zeros([4, 6]), [3, -1]).shape).toEqual([3, 8]);
    expect(reshape(zeros([4, 6]), [-1]).shape).toEqual([24]);
    expect(reshape(zeros([]), [-1, 1]).shape).toEqual([1, 1]);
    expect(reshape(zeros([1, 1]), []).shape).toEqual([]);
  });

  it('is no step of a plan', () => {
    const x = tensor(new Float64Array(24), [4, 6]);
    expect(planFor([reshape(square(reshape(x, [24])), [2, 12])], reference).steps.map(({ op }) => op.name)).toEqual(['square']);
  });

  it('has the gradients that differences give', async () => {
    await fc.assert(
      fc.asyncProperty(pairs, async ([from, to]) => {
        await checkGradient((x) => square(reshape(x!, to)), [input(from, 2)]);
        await checkSecondGradient((x) => reshape(mul(square(x!), x!), to), [input(from, 3)]);
      }),
      { numRuns: 8 },
    );
  });

  it.each([
    [[4, 2], 'reshape: [2, 3] with 6 values does not fit shape [4, 2]; the sizes must be equal, and one length may be -1'],
    [[-1, 4], 'reshape: [2, 3] with 6 values does not fit shape [-1, 4]'],
    [[-1, -1], 'reshape: [2, 3] with 6 values does not fit shape [-1, -1]'],
    [[0, -1], 'reshape: [2, 3] with 6 values does not fit shape [0, -1]'],
    [[1.5, 4], 'reshape: [2, 3] with 6 values does not fit shape [1.5, 4]'],
    [[-2, -3], 'reshape: shape [-2, -3] needs a positive integer for every axis'],
  ])('refuses %j', (shape, message) => {
    expect(() => reshape(zeros([2, 3]), shape)).toThrow(message);
  });
});

describe('flatten', () => {
  it('merges the axes from one on', () => {
    expect(flatten(zeros([2, 3, 4])).shape).toEqual([2, 12]);
    expect(flatten(zeros([2, 3, 4]), 0).shape).toEqual([24]);
    expect(flatten(zeros([2, 3, 4]), 2).shape).toEqual([2, 3, 4]);
    expect(flatten(zeros([5])).shape).toEqual([5, 1]);
  });

  it('passes the gradient through', () => checkGradient((x) => square(flatten(x!)), [input([2, 3, 5], 4)]));
});

describe('detach', () => {
  it('has the value and stops the gradient', async () => {
    const x = tensor([1, 2, 3]);
    const y = mul(x, detach(x));
    const [slope] = gradient(sum(add(y, detach(square(x)))), [x]);
    expect((await evaluate([y, slope!], reference)).map((values) => [...values])).toEqual([
      [1, 4, 9],
      [1, 2, 3],
    ]);
  });

  it('is no step of a plan', () => {
    expect(planFor([square(detach(tensor([1, 2])))], reference).steps.map(({ op }) => op.name)).toEqual(['square']);
  });
});

onEveryDevice((device) => {
  it('agrees with the reference', async () => {
    await fc.assert(
      fc.asyncProperty(pairs, ([from, to]) =>
        checkDevice(device, (x) => reshape(square(reshape(x!, to)), from), [input(from, 5)], 1e-6),
      ),
      { numRuns: 10 },
    );
  });

  it('reads one array under two shapes, and a detached one', () =>
    checkDevice(
      device,
      (x) => add(permute(reshape(x!, [4, 41]), [1, 0]), mul(reshape(detach(square(x!)), [41, 4]), reshape(x!, [41, 4]))),
      [input([2, 82], 6)],
    ));
});
