/** Dropout: rate, independence of neighbours and keys, the same mask on every device. */
import { describe, expect, it } from 'vitest';
import { dropout, ones, type Tensor, tensor, zeros } from '../../../core/index.ts';
import { checkDevice, checkGradient, input } from '../../support/check.ts';
import { onEveryDevice, reference } from '../../support/devices.ts';
import { evaluate } from '../../support/evaluate.ts';

const COUNT = 40_000;
const masked = (key: number[], probability: number, count = COUNT): Tensor =>
  dropout(ones([count]), { probability, key: tensor(key) });

async function bits(key: number[], probability: number): Promise<number[]> {
  const [values] = await evaluate([masked(key, probability)], reference);
  return [...values!].map((value) => Number(value === 0));
}

/** Correlation of two sequences of 0 and 1; its standard deviation is 1 / sqrt(n), 0.005 here. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const average = (list: readonly number[]): number => list.reduce((x, y) => x + y, 0) / list.length;
  const [p, q] = [average(a), average(b)];
  return average(a.map((x, k) => (x - p) * (b[k]! - q))) / Math.sqrt(p * (1 - p) * q * (1 - q));
}

describe('dropout', () => {
  it.each([0.1, 0.5, 0.9])('drops a share of %d and keeps the expectation', async (probability) => {
    const dropped = await bits([123, 456], probability);
    const share = dropped.reduce((x, y) => x + y, 0) / COUNT;
    expect(Math.abs(share - probability)).toBeLessThan(5 * Math.sqrt((probability * (1 - probability)) / COUNT));
    const [values] = await evaluate([masked([1, 2], probability, 100)], reference);
    for (const value of values!) expect([0, 1 / (1 - probability)]).toContain(value);
  });
  it('neighbours at any distance and neighbouring keys are independent', async () => {
    const mask = await bits([7, 9], 0.5);
    for (const distance of [1, 2, 3, 16, 32, 64, 1024, 4096])
      expect(Math.abs(correlation(mask.slice(distance), mask.slice(0, -distance)))).toBeLessThan(0.025);
    for (const key of [
      [8, 9],
      [7, 10],
      [9, 7],
      [6, 10],
    ])
      expect(Math.abs(correlation(mask, await bits(key, 0.5)))).toBeLessThan(0.025);
  });
  it('passes the gradient through its mask', () =>
    checkGradient((x) => dropout(x!, { probability: 0.3, key: tensor([5, 6]) }), [input([7, 41], 1)]));
  it('refuses probabilities outside [0, 1) and keys of another shape', () => {
    expect(() => dropout(zeros([2]), { probability: 1, key: tensor([1, 2]) })).toThrow(
      'dropout: probability 1 given; it needs to be from 0 to below 1',
    );
    expect(() => dropout(zeros([2]), { probability: 0.5, key: tensor([1]) })).toThrow(
      'dropout: the key has shape [1]; it needs [2]',
    );
  });
});

onEveryDevice((device) => {
  it('gives the same mask, bit for bit', async () => {
    for (const probability of [0.1, 0.37, 0.9]) {
      const mask = masked([4095, 17], probability, 200_000);
      const [expected] = await evaluate([mask], reference);
      const [actual] = await evaluate([mask], device);
      expect(actual!.findIndex((value, k) => (value === 0) !== (expected![k] === 0))).toBe(-1);
    }
    await checkDevice(device, (x) => dropout(x!, { probability: 0.3, key: tensor([5, 6]) }), [input([7, 41], 1)]);
  });
});
