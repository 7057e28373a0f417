/** Dropout: rate, independence of neighbours and keys, the same mask on every device, to the bit. */
import { describe, expect, it } from 'vitest';
import { dropout, dropoutMask, gradient, square, sum, tensor, zeros } from '../../../core/index.ts';
import { P, Q, ROUNDS } from '../../../core/ops/dropout/dropout.ts';
import { checkDevice, checkGradient, checkSecondGradient, type Formula, input } from '../../support/check.ts';
import { onEveryDevice, reference } from '../../support/devices.ts';
import { evaluate, planFor } from '../../support/evaluate.ts';

const COUNT = 40_000;

/** -1 where an element is dropped, 1 where it is kept. */
async function signs(key: readonly number[], probability = 0.5): Promise<Int8Array> {
  const [values] = await evaluate([dropoutMask(tensor([...key]), [COUNT], probability)], reference);
  return Int8Array.from(values!, (value) => (value === 0 ? -1 : 1));
}

/**
 * Correlation of a[i] with b[i + lag] where both are -1 or 1 with equal chance; its standard deviation is 1 / sqrt(COUNT) = 0.005.
 */
function correlation(a: Int8Array, b: Int8Array, lag: number): number {
  let total = 0;
  const first = Math.max(0, -lag);
  const count = COUNT - Math.abs(lag);
  for (let i = first; i < first + count; i++) total += a[i]! * b[i + lag]!;
  return Math.abs(total) / count;
}

/** The formula at the head of dropout.ts. */
function hash(index: number, key: readonly number[]): number {
  let [u, v] = [Math.floor(index / Q) % P, index % Q];
  ROUNDS.forEach(([c, d], r) => {
    u = (u * v + 3 * u + key[r % 2]! + c) % P;
    v = (1597 * v + u + key[(r + 1) % 2]! + d) % Q;
  });
  return (u + v / Q) / P;
}

/** The largest of 2,400 correlations is beyond 5 standard deviations once in a thousand seeds; these are fixed. */
const INDEPENDENT = 5 / Math.sqrt(COUNT - 8500);
const LAGS = [...Array.from({ length: 300 }, (_, k) => k + 1), ...Array.from({ length: 20 }, (_, k) => 4083 + k), 8182, 8192];

describe('the mask', () => {
  it.each([0, 0.1, 0.5, 0.9])('drops a share of %d, and scales what it keeps', async (probability) => {
    for (const key of [
      [0, 0],
      [123, 456],
      [4095, 4095],
    ]) {
      const [values] = await evaluate([dropoutMask(tensor(key), [COUNT], probability)], reference);
      const share = values!.filter((value) => value === 0).length / COUNT;
      expect(Math.abs(share - probability)).toBeLessThanOrEqual(4 * Math.sqrt((probability * (1 - probability)) / COUNT));
      expect(values!.every((value) => value === 0 || value === 1 / (1 - probability))).toBe(true);
    }
  });

  it('drops each element in the same share of keys', async () => {
    const keys = Array.from({ length: 400 }, (_, k) => [(k * 1031) % 4096, (k * 53) % 4096]);
    const masks = await evaluate(
      keys.map((key) => dropoutMask(tensor(key), [4200], 0.5)),
      reference,
    );
    for (const at of [0, 1, 4089, 4090, 4091, 4096, 4199]) {
      const dropped = masks.filter((mask) => mask[at] === 0).length;
      expect(Math.abs(dropped - 200), `element ${at}`).toBeLessThan(4 * Math.sqrt(100));
    }
  });

  it('has neighbours at any distance that are independent', async () => {
    for (const key of [
      [7, 9],
      [0, 0],
    ]) {
      const mask = await signs(key);
      for (const lag of LAGS) expect(correlation(mask, mask, lag), `lag ${lag}`).toBeLessThan(INDEPENDENT);
    }
  });

  it('is independent of the masks of other keys, moved ones too', async () => {
    const mask = await signs([7, 9]);
    for (const key of [
      [7, 10],
      [8, 9],
      [9, 7],
      [6, 10],
      [7 + P - 4090, 9],
      [7, 4095],
    ]) {
      const other = await signs(key);
      for (const lag of [0, ...LAGS, ...LAGS.map((each) => -each)])
        expect(correlation(mask, other, lag), `key ${key} at lag ${lag}`).toBeLessThan(INDEPENDENT);
    }
  });

  it('differs between keys that are equal modulo the primes', async () => {
    const mask = await signs([2, 1]);
    expect(correlation(mask, await signs([2 + P, 1]), 0)).toBeLessThan(INDEPENDENT);
    expect(correlation(mask, await signs([2, 1 + Q]), 0)).toBeLessThan(INDEPENDENT);
  });

  it('is made of whole numbers that float32 holds', () => {
    const [mostC, mostD] = [Math.max(...ROUNDS.map(([c]) => c)), Math.max(...ROUNDS.map(([, d]) => d))];
    expect((P - 1) * (Q - 1) + 3 * (P - 1) + 4095 + mostC).toBeLessThan(2 ** 24);
    expect((Q - 1) * 1597 + (P - 1) + 4095 + mostD).toBeLessThan(2 ** 24);
  });

  it('is a constant to gradients, and its key is not part of the plan', () => {
    const key = tensor([1, 2]);
    const x = tensor([1, 2, 3]);
    const [slope] = gradient(sum(dropout(x, { probability: 0.5, key })), [key]);
    expect(slope!.shape).toEqual([2]);
    const plan = planFor([dropoutMask(key, [3], 0.5)], reference);
    expect(plan.feeds.length).toBe(1);
    expect(plan.steps.map(({ options }) => JSON.stringify(options))).toEqual(['{"shape":[3],"probability":0.5}']);
  });
});

describe('dropout', () => {
  const formula: Formula = (x) => dropout(x!, { probability: 0.3, key: tensor([5, 6]) });

  it('is x times the mask', async () => {
    const { data } = input([7, 41], 3);
    const results = [formula(tensor(data, [7, 41])), dropoutMask(tensor([5, 6]), [7, 41], 0.3)];
    const [value, mask] = await evaluate(results, reference);
    expect([...value!]).toEqual([...data].map((x, at) => x * mask![at]!));
  });

  it('passes the gradient through its mask', async () => {
    await checkGradient(formula, [input([7, 41], 1)]);
    await checkSecondGradient((x) => formula(square(x!)), [input([7, 41], 1)]);
  });

  it.each([1, -0.1, 1.5, Number.NaN])('refuses a probability of %d', (probability) => {
    expect(() => dropout(zeros([2, 3]), { probability, key: tensor([1, 2]) })).toThrow(
      `dropout: probability ${probability} given; it needs to be from 0 to below 1 (shape [2, 3])`,
    );
  });

  it('refuses what is no key', () => {
    const withKey = (key: number[]) => () => dropout(zeros([2]), { probability: 0.5, key: tensor(key) });
    expect(withKey([1])).toThrow('dropout: the key has shape [1]; it needs [2], two whole numbers from 0 to 4095');
    expect(withKey([1, 4096])).toThrow('dropout: the key contains 4096; it needs two whole numbers from 0 to 4095');
    expect(withKey([-1, 0])).toThrow('dropout: the key contains -1;');
    expect(withKey([0.5, 0])).toThrow('dropout: the key contains 0.5;');
    expect(withKey([0, Number.NaN])).toThrow('dropout: the key contains NaN;');
  });
});

onEveryDevice((device) => {
  it.each([0, 0.1, 0.37, 0.5, 0.9])('gives the same mask, bit for bit, at %d', async (probability) => {
    for (const key of [
      [4095, 17],
      [0, 4095],
    ]) {
      const mask = dropoutMask(tensor(key), [200_003], probability);
      const [expected] = await evaluate([mask], reference);
      const [actual] = await evaluate([mask], device);
      expect(actual!.findIndex((value, at) => value !== Math.fround(expected![at]!))).toBe(-1);
    }
  });

  it('compares without rounding: an element at the threshold is kept', async () => {
    for (const at of [0, 1, 500, 4090, 4095]) {
      const random = hash(at, [5, 6]) * P;
      const [u, v] = [Math.floor(random + 1e-9), Math.round((random % 1) * Q) % Q];
      // Half a unit below the element's own value and above it: the thresholds (u, v) and (u, v + 1).
      const results = [-0.5, 0.5].map((unit) => dropoutMask(tensor([5, 6]), [4096], (u + (v + unit) / Q) / P));
      const masks = await evaluate(results, device);
      expect(masks.map((mask) => mask[at] === 0)).toEqual([false, true]);
    }
  });

  // The cpu driver computes in float64.
  it.skipIf(device.name === 'cpu')('gives the same mask up to the largest index', async () => {
    const key = [4095, 4094];
    const [values] = await evaluate([dropoutMask(tensor(key), [2 ** 24], 0.5)], device);
    for (let at = 2 ** 24 - 40_000; at < 2 ** 24; at++) {
      if ((values![at] === 0) !== hash(at, key) < 0.5) throw new Error(`the mask differs at ${at}`);
    }
  });

  it('agrees with the reference', () =>
    checkDevice(device, (x) => dropout(x!, { probability: 0.3, key: tensor([5, 6]) }), [input([7, 41], 1)]));
});
