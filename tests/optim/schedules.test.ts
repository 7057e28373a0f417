/** Learning rates against their closed formulas. */
import { describe, expect, it } from 'vitest';
import { cosine, multiStep, plateau, warmUp } from '../../optim/index.ts';

describe('multiStep', () => {
  it('is the paper’s CIFAR recipe: divided by 10 at 32k and at 48k', () => {
    const schedule = multiStep({ learningRate: 0.1, milestones: [32_000, 48_000] });
    const rates = [0, 31_999, 32_000, 47_999, 48_000, 64_000].map((step) => schedule.learningRate(step));
    [0.1, 0.1, 0.01, 0.01, 0.001, 0.001].forEach((rate, k) => expect(rates[k]).toBeCloseTo(rate, 15));
  });
});

describe('cosine', () => {
  it('falls along half a wave and stays at its minimum', () => {
    const schedule = cosine({ learningRate: 0.5, steps: 100, minimum: 0.1 });
    expect(schedule.learningRate(0)).toBe(0.5);
    expect(schedule.learningRate(50)).toBeCloseTo(0.3, 15);
    expect(schedule.learningRate(25)).toBeCloseTo(0.1 + 0.2 * (1 + Math.SQRT1_2), 15);
    expect(schedule.learningRate(100)).toBe(0.1);
    expect(schedule.learningRate(500)).toBe(0.1);
  });
});

describe('warmUp', () => {
  const after = multiStep({ learningRate: 0.1, milestones: [10] });

  it('rises in a straight line to where the schedule goes on', () => {
    const schedule = warmUp(after, { steps: 4, from: 0.02 });
    [0.02, 0.04, 0.06, 0.08, 0.1, 0.1].forEach((rate, step) => expect(schedule.learningRate(step)).toBeCloseTo(rate, 15));
    expect(schedule.learningRate(10)).toBeCloseTo(0.01, 15);
  });

  it('or waits at the first rate, as for ResNet-110', () => {
    const schedule = warmUp(after, { steps: 4, from: 0.01, ramp: 'constant' });
    expect([0, 3, 4].map((step) => schedule.learningRate(step))).toEqual([0.01, 0.01, 0.1]);
  });
});

describe('plateau', () => {
  it('divides when more than `patience` reports bring nothing below the threshold', () => {
    const schedule = plateau({ learningRate: 0.1, patience: 2, threshold: 0.01 });
    const rates = [1, 0.9, 0.895, 0.9, 0.899, 0.8, 0.81, 0.82, 0.83].map((error) => {
      schedule.report(error);
      return schedule.learningRate();
    });
    const expected = [0.1, 0.1, 0.1, 0.1, 0.01, 0.01, 0.01, 0.01, 0.001];
    expected.forEach((rate, k) => expect(rates[k]).toBeCloseTo(rate, 15));
  });

  it('goes on where it was saved', () => {
    const [saved, resumed] = [plateau({ learningRate: 1, patience: 1 }), plateau({ learningRate: 1, patience: 1 })];
    for (const error of [1, 2]) saved.report(error);
    resumed.loadStateDict(saved.stateDict());
    resumed.report(2);
    expect(resumed.learningRate()).toBeCloseTo(0.1, 15);
  });

  it('counts NaN as no progress', () => {
    const schedule = plateau({ learningRate: 1, patience: 0 });
    schedule.report(Number.NaN);
    expect(schedule.learningRate()).toBeCloseTo(0.1, 15);
  });
});
