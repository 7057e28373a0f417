/** He initialisation and its seeds. */
import { describe, expect, it } from 'vitest';
import { heNormal, heUniform, type Initialiser, initialise, zeroWeights } from '../../nn/index.ts';
import { initialWeight } from '../../nn/initialise.ts';

const SHAPE = [64, 32, 3, 3];
const draw = (seed: number, weights?: Initialiser): Float32Array =>
  initialise({ seed, ...(weights && { weights }) }, () => initialWeight(SHAPE));

function moments(values: Float32Array): { mean: number; deviation: number; most: number } {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance), most: values.reduce((most, x) => Math.max(most, Math.abs(x)), 0) };
}

/** Four standard errors of a sample's mean and standard deviation, 18,432 values. */
const STANDARD_ERRORS = 4 / Math.sqrt(18_432);

describe.each([
  ['in', 32 * 9],
  ['out', 64 * 9],
] as const)('fan %s', (fan, count) => {
  const expected = Math.sqrt(2 / count);

  it('heNormal has standard deviation sqrt(2 / fan)', () => {
    const { mean, deviation, most } = moments(draw(1, heNormal({ fan })));
    expect(Math.abs(mean) / expected).toBeLessThan(STANDARD_ERRORS);
    expect(Math.abs(deviation / expected - 1)).toBeLessThan(STANDARD_ERRORS);
    expect(most / expected).toBeGreaterThan(3);
  });

  it('heUniform too, within sqrt(6 / fan)', () => {
    const { mean, deviation, most } = moments(draw(1, heUniform({ fan })));
    expect(Math.abs(mean) / expected).toBeLessThan(STANDARD_ERRORS);
    expect(Math.abs(deviation / expected - 1)).toBeLessThan(STANDARD_ERRORS);
    expect(most).toBeLessThanOrEqual(Math.fround(Math.sqrt(6 / count)));
  });
});

describe('seeds', () => {
  it('give the same bits again', () => {
    expect(draw(5)).toEqual(draw(5));
    expect(draw(-5)).toEqual(draw(-5));
  });

  it('and parameters that follow one another have nothing in common', () => {
    const several = [0, 1, 2, 2 ** 32, -1].map((seed) => draw(seed));
    several.push(...initialise({ seed: 7 }, () => [initialWeight(SHAPE), initialWeight(SHAPE)]));
    several.forEach((a, i) => {
      for (const b of several.slice(i + 1)) {
        const product = a.reduce((sum, x, k) => sum + x * b[k]!, 0) / a.length;
        expect(Math.abs(product) / (2 / (32 * 9))).toBeLessThan(STANDARD_ERRORS);
      }
    });
  });

  it('do not depend on what was built before, or meanwhile', () => {
    const alone = draw(3);
    const nested = initialise({ seed: 4 }, () => {
      initialWeight([2, 2]);
      return draw(3);
    });
    expect(nested).toEqual(alone);
  });

  it('are whole numbers', () => {
    expect(() => initialise({ seed: 0.5 }, () => 1)).toThrow('seed 0.5');
  });
});

it('zeroWeights draws nothing', () => {
  expect(draw(1, zeroWeights).every((x) => x === 0)).toBe(true);
});
