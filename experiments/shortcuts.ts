/** Table 3 (arXiv:1512.03385): identity or projection shortcuts. */
import type { ArmResult, Experiment, Verdict } from './experiment.ts';
import { cifarArm } from './networks.ts';
import { EVENING, PAPER, QUICK } from './presets.ts';
import { amount, formatShare, margin, points, testError, trainingError } from './statistics.ts';

const OPTIONS = ['A', 'B', 'C'] as const;
const armName = (option: (typeof OPTIONS)[number]): string => `option-${option}`;

export const shortcuts: Experiment = {
  name: 'shortcuts',
  title: 'Shortcuts of options A, B and C (table 3)',
  finding: 'all three options are considerably better than the plain network, and differ little from each other',
  images: 'cifar10',
  scales: {
    quick: { depths: [32], seeds: 1, settings: QUICK },
    evening: { depths: [44], seeds: 2, settings: EVENING },
    paper: { depths: [56], seeds: 3, settings: PAPER },
  },
  arms: (scale) => {
    const depth = scale.depths[0]!;
    return [
      cifarArm({ name: 'plain', depth, shortcut: 'none' }, scale),
      ...OPTIONS.map((shortcut) => cifarArm({ name: armName(shortcut), depth, shortcut }, scale)),
    ];
  },
  judge,
};

/** By the test error as in the paper, or by the training error where there are no test images. */
function judge(results: readonly ArmResult[]): Verdict {
  const tested = testError(results, 'plain') !== undefined;
  const error = (name: string) => testError(results, name) ?? trainingError(results, name);
  const plain = error('plain');
  const options = OPTIONS.map((option) => ({ option, error: error(armName(option)) }));
  const sorted = [...options].sort((a, b) => a.error.mean - b.error.mean);
  const [best, worst] = [sorted[0]!, sorted.at(-1)!];
  const better = options.filter((each) => plain.mean - each.error.mean > margin(plain, each.error));
  const range = worst.error.mean - best.error.mean;
  const gain = plain.mean - worst.error.mean;
  const list = options.map((each) => `${each.option} ${formatShare(each.error)}`).join(', ');
  return {
    outcome: better.length === options.length && range < gain ? 'shown' : 'not shown',
    sentences: [
      `${tested ? 'Test' : 'Training'} error: plain ${formatShare(plain)}, options ${list}.`,
      better.length === options.length
        ? 'Every option is clearly better than the plain network.'
        : `Clearly better than the plain network: ${better.map(({ option }) => option).join(', ') || 'none of them'}.`,
      `The options lie within ${amount(range)}; the worst of them, ${worst.option}, differs from the plain network by ${points(-gain)}.`,
      `The best is ${best.option}${range > margin(best.error, worst.error) ? '' : ', by no more than chance'}; in the paper C is slightly better than B, and B than A.`,
    ],
  };
}
