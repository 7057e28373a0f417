/** The learning rate of a run, and what it must remember to go on. */
import { describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS, LearningRate, type RateSettings, recipeSettings } from '../../training/index.ts';

const rateWith = (rate: Partial<RateSettings>, learningRate = 0.1, steps = 1000): LearningRate =>
  new LearningRate({ learningRate, rate: { ...DEFAULT_SETTINGS.rate, warmUp: 0, ...rate } }, steps);

describe('the recipes of the paper', () => {
  it('cifar: 0.1, a tenth from 32k, a hundredth from 48k (sec. 4.2)', () => {
    const settings = recipeSettings('cifar', 'resnet56');
    expect(settings).toMatchObject({
      batchSize: 128,
      steps: 64_000,
      weightDecay: 1e-4,
      momentum: 0.9,
      validation: 5000,
      mean: 'pixel',
    });
    const rate = new LearningRate(settings, 64_000);
    const at = [0, 31_999, 32_000, 47_999, 48_000, 63_999].map((step) => Number(rate.at(step).toPrecision(6)));
    expect(at).toEqual([0.1, 0.1, 0.01, 0.01, 0.001, 0.001]);
  });
  it('resnet110 warms up at 0.01 until the training error is below 80 % (sec. 4.2)', () => {
    const rate = new LearningRate(recipeSettings('cifar', 'resnet110'), 64_000);
    for (let step = 0; step < 400; step++) {
      expect(rate.at(step)).toBe(0.01);
      rate.afterStep(step === 0 ? 0.1 : step < 320 ? 0.9 : 0.4); // one lucky step is not enough; the mean of 100 is, at step 340
      if (step === 340) break;
    }
    expect(rate.at(341)).toBe(0.1);
    expect(rate.at(32_000)).toBeCloseTo(0.01, 12);
    expect(recipeSettings('cifar', 'resnet56').rate.warmUpRate).toBeNull();
  });
  it('imagenet: a tenth when the error has not fallen for so many evaluations (sec. 3.4)', () => {
    const settings = recipeSettings('imagenet', 'resnet50');
    expect(settings).toMatchObject({ batchSize: 256, steps: 600_000, weightDecay: 1e-4, augment: 'imagenet' });
    const rate = new LearningRate(settings, 600_000);
    rate.afterEvaluation(0.5);
    for (let k = 0; k <= settings.rate.patience; k++) {
      expect(rate.at(k)).toBe(0.1);
      rate.afterEvaluation(0.5);
    }
    expect(rate.at(9)).toBeCloseTo(0.01, 12);
  });
});

describe('state', () => {
  it('goes through JSON: the rates that follow are the same', () => {
    const settings = { schedule: 'plateau', patience: 1, warmUpRate: 0.02, warmUpError: 0.7 } as const;
    const [one, other] = [rateWith(settings), rateWith(settings)];
    const errors = Array.from({ length: 260 }, (_, k) => ((k * 37) % 101) / 100 + (k < 130 ? 0.3 : -0.1));
    const follow = (rate: LearningRate, from: number, to: number): number[] =>
      errors.slice(from, to).map((error, k) => {
        rate.afterStep(error);
        if ((from + k) % 20 === 19) rate.afterEvaluation(error);
        return rate.at(from + k + 1);
      });
    const whole = follow(one, 0, 260);
    expect(new Set(whole).size).toBeGreaterThan(2);
    for (const cut of [5, 99, 150, 200]) {
      const before = rateWith(settings);
      follow(before, 0, cut);
      const state = JSON.parse(JSON.stringify(before.stateDict()));
      const after = rateWith(settings);
      after.loadStateDict(state);
      expect(follow(after, cut, 260)).toEqual(whole.slice(cut));
    }
    expect(other.at(0)).toBe(0.02);
  });
});

describe('a linear warm-up', () => {
  it('rises to the schedule over its share of the steps', () => {
    const rate = rateWith({ schedule: 'constant', warmUp: 0.1 });
    expect(rate.at(0)).toBeCloseTo(0.01, 12);
    expect(rate.at(50)).toBeCloseTo(0.055, 12);
    expect(rate.at(100)).toBe(0.1);
  });
});
