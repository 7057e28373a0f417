/** What the experiments say of made-up numbers: when the paper's finding is in them, and when it is not. */
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../experiments/experiment.ts';
import { EXPERIMENTS, type Experiment } from '../../experiments/index.ts';
import { paragraphOf } from '../../experiments/report.ts';
import { formatShare, margin, shareOf } from '../../experiments/statistics.ts';
import { type Made, made } from './made.ts';

const named = (name: string): Experiment => EXPERIMENTS.find((each) => each.name === name)!;
const errors = (all: Readonly<Record<string, number>>): Made[] => Object.entries(all).map(([name, error]) => ({ name, error }));

const cases: [string, string, Outcome, Made[], string][] = [
  [
    'degradation',
    'plain worse, residual not',
    'shown',
    errors({ plain20: 0.4, resnet20: 0.4, plain56: 0.6, resnet56: 0.38 }),
    'got worse',
  ],
  [
    'degradation',
    'plain much worse, residual a little',
    'shown in part',
    errors({ plain20: 0.4, resnet20: 0.4, plain56: 0.7, resnet56: 0.5 }),
    'behind the shallower',
  ],
  [
    'degradation',
    'both worse alike',
    'not shown',
    errors({ plain20: 0.4, resnet20: 0.4, plain56: 0.6, resnet56: 0.6 }),
    'behind the shallower',
  ],
  [
    'degradation',
    'neither worse',
    'not shown',
    errors({ plain20: 0.4, resnet20: 0.4, plain56: 0.39, resnet56: 0.39 }),
    'did not get clearly',
  ],
  // 2 points between errors of 1,000 images each: the margin is 2 sqrt(2 * 0.4 * 0.6 / 1000) = 4.4 points
  [
    'degradation',
    'within chance',
    'not shown',
    errors({ plain20: 0.4, resnet20: 0.4, plain56: 0.42, resnet56: 0.4 }),
    'did not get clearly',
  ],
  [
    'imagenet-mini',
    'plain worse',
    'shown',
    errors({ plain18: 0.4, resnet18: 0.4, plain34: 0.5, resnet34: 0.3 }),
    'From 18 to 34 layers',
  ],
  [
    'shortcuts',
    'all better',
    'shown',
    errors({ plain: 0.5, 'option-A': 0.3, 'option-B': 0.29, 'option-C': 0.28 }),
    'The best is C, by no more',
  ],
  [
    'shortcuts',
    'A not better',
    'not shown',
    errors({ plain: 0.5, 'option-A': 0.5, 'option-B': 0.3, 'option-C': 0.3 }),
    'plain network: B, C.',
  ],
  [
    'shortcuts',
    'far apart',
    'not shown',
    errors({ plain: 0.5, 'option-A': 0.4, 'option-B': 0.3, 'option-C': 0.1 }),
    'Every option',
  ],
  ['shortcuts', 'none', 'not shown', errors({ plain: 0.3, 'option-A': 0.4, 'option-B': 0.4, 'option-C': 0.4 }), 'none of them'],
  ['bottleneck', 'as computed', 'shown', costs(100, 195, 205), '1.95 times the parameters'],
  ['bottleneck', 'dear bottlenecks', 'not shown', costs(150, 300, 300), '1.43 times the multiply-adds of basic'],
  ['bottleneck', 'cheap projections', 'not shown', costs(100, 110, 120), '1.10 times the parameters'],
  ['responses', 'smaller and falling', 'shown', stds([1, 1], [0.8, 0.6], [1, 1], [0.5, 0.3]), 'It falls with'],
  ['responses', 'rising', 'shown in part', stds([1, 1], [0.4, 0.2], [1, 1], [0.5, 0.3]), 'does not fall'],
  ['responses', 'larger', 'not shown', stds([0.2, 0.2], [0.8, 0.6], [1, 1], [0.5, 0.3]), 'with 56 layers only'],
  [
    'initialisation',
    'one stuck',
    'open',
    errors({ 'plain20-xavier': 0.4, 'plain20-too-large': 0.88 }),
    '(training error still above 0.8 of that of guessing): plain20-too-large',
  ],
  [
    'initialisation',
    'all train',
    'open',
    errors({ 'plain20-xavier': 0.4, 'plain20-too-large': 0.41 }),
    'no more apart than by chance',
  ],
  [
    'initialisation',
    'infinite',
    'open',
    [
      { name: 'plain20-xavier', error: 0.4 },
      { name: 'plain20-too-large', error: 0.1, diverged: 'NaN' },
    ],
    'too-large (90.00 %)',
  ],
];

function costs(bottleneck: number, parameters: number, multiplyAdds: number): Made[] {
  return [
    { name: 'basic', error: 0.3, parameters: 100, multiplyAdds: 105 },
    { name: 'bottleneck-identity', error: 0.3, parameters: 100, multiplyAdds: bottleneck },
    { name: 'bottleneck-projection', error: 0.3, parameters, multiplyAdds },
  ];
}

function stds(plain20: number[], resnet20: number[], plain56: number[], resnet56: number[]): Made[] {
  return Object.entries({ plain20, resnet20, plain56, resnet56 }).map(([name, std]) => ({ name, error: 0.5, std }));
}

describe('verdicts', () => {
  it.each(cases)('%s: %s', (name, _, outcome, results, words) => {
    const verdict = named(name).judge(results.map(made));
    expect(verdict.outcome).toBe(outcome);
    expect(verdict.sentences.join(' ')).toContain(words);
  });

  it('say plainly when the finding did not show, and of how many seeds they speak', () => {
    const experiment = named('degradation');
    const results = errors({ plain20: 0.4, resnet20: 0.4, plain56: 0.4, resnet56: 0.4 }).map(made);
    const paragraph = paragraphOf(experiment, experiment.judge(results), results);
    expect(paragraph).toContain('The finding did NOT show.');
    expect(paragraph).toContain('There is one seed');
    const twice = [...results, ...results.map((result) => ({ ...result, seed: 1 }))];
    expect(paragraphOf(experiment, { outcome: 'shown', sentences: [] }, twice)).toMatch(/The finding showed\. .*over 2 seeds/);
  });
});

describe('statistics', () => {
  it('take the larger of counting and spread', () => {
    const alike = shareOf([0.5, 0.5], 100);
    expect(alike.uncertainty).toBeCloseTo(Math.sqrt(0.25 / 200), 12);
    const apart = shareOf([0.4, 0.6], 100);
    expect(apart.spread).toBeCloseTo(Math.sqrt(0.02), 12);
    expect(apart.uncertainty).toBeCloseTo(0.1, 12);
    expect(margin(apart, apart)).toBeCloseTo(2 * Math.sqrt(0.02), 12);
    expect([formatShare(apart), formatShare(shareOf([0.5], 100))]).toEqual(['50.00 ± 14.14 %', '50.00 %']);
  });
});
