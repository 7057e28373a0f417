import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { add, conv2d, tensor } from '../../core/index.ts';
import { sizeOf } from '../../core/shape.ts';
import { broadcastPairs, convGeometries, inputs, shapes } from '../../testing/arbitraries.ts';
import { distinctValues, randomValues } from '../../testing/index.ts';

const zeros = (shape: readonly number[]) => tensor(new Float64Array(sizeOf(shape)), shape);

describe('arbitraries', () => {
  it('give pairs that broadcast, some of them with missing axes on either side', () => {
    const ranks = new Set<number>();
    fc.assert(
      fc.property(broadcastPairs(), ([a, b]) => {
        add(zeros(a), zeros(b));
        ranks.add(Math.sign(a.length - b.length));
      }),
    );
    expect([...ranks].sort()).toEqual([-1, 0, 1]);
  });

  it('give convolutions that conv2d takes', () => {
    fc.assert(fc.property(convGeometries(), ({ input, weight, options }) => void conv2d(zeros(input), zeros(weight), options)));
  });

  it('give values without ties and away from 0', async () => {
    const cases = shapes({ minRank: 1 }).chain((shape) => inputs(shape));
    await fc.assert(
      fc.asyncProperty(cases, async ({ shape, values }) => {
        if (typeof values === 'function' || values === undefined) throw new Error('values were to be drawn');
        const sorted = [...Array.from(values)].sort((x, y) => x - y);
        const size = sizeOf(shape);
        expect(Math.min(...sorted.map(Math.abs)) * size).toBeGreaterThan(0.09);
        sorted.slice(1).forEach((value, k) => expect((value - sorted[k]!) * size).toBeGreaterThan(1.1));
      }),
    );
  });

  it('draw other values from neighbouring seeds', () => {
    const first = [1, 2, 3, 102, 203].map((seed) => randomValues([1], seed)[0]!.toFixed(2));
    expect(new Set(first).size).toBe(5);
    expect(distinctValues([3], 1)).not.toEqual(distinctValues([3], 2));
  });
});
