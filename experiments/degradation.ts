/** Fig. 1 and 6 (arXiv:1512.03385): more layers make plain networks worse, in training as in testing, and residual ones not. */
import type { ArmResult, Experiment, Verdict } from './experiment.ts';
import { cifarArms, type Family, networkName } from './networks.ts';
import { EVENING, PAPER, QUICK } from './presets.ts';
import { amount, armNames, formatShare, margin, points, type Share, testError, trainingError } from './statistics.ts';

export const degradation: Experiment = {
  name: 'degradation',
  title: 'The degradation problem (fig. 1 and 6)',
  finding: 'the training error of plain networks grows with depth, that of residual networks does not',
  images: 'cifar10',
  scales: {
    quick: { depths: [20, 56], seeds: 1, settings: QUICK },
    evening: { depths: [20, 32, 44, 56, 110], seeds: 1, settings: EVENING },
    paper: { depths: [20, 32, 44, 56, 110], seeds: 1, settings: PAPER },
  },
  arms: cifarArms,
  judge: judgeDepth,
};

interface Gap {
  readonly shallow: Share;
  readonly deep: Share;
  /** How much larger the deeper network's error is. */
  readonly growth: number;
}

/** Compares the deepest networks of both families with the shallowest ones. */
export function judgeDepth(results: readonly ArmResult[]): Verdict {
  const depths = armNames(results).map((name) => Number(name.replace(/\D/g, '')));
  const [shallow, deep] = [Math.min(...depths), Math.max(...depths)];
  const gap = (family: Family): Gap => gapOf(results, networkName(family, shallow), networkName(family, deep));
  const [plain, residual] = [gap('plain'), gap('resnet')];
  const difference = plain.growth - residual.growth;
  const needed = margin(plain.shallow, plain.deep, residual.shallow, residual.deep);
  const [worse, clear] = [plain.growth > margin(plain.shallow, plain.deep), difference > needed];
  const residualWorse = residual.growth > margin(residual.shallow, residual.deep);
  return {
    outcome: !worse || !clear ? 'not shown' : residualWorse ? 'shown in part' : 'shown',
    sentences: [
      `From ${shallow} to ${deep} layers the training error of the plain network went ${change(plain)}, that of the residual network ${change(residual)}.`,
      worse
        ? 'So the plain network got worse with depth.'
        : 'So the plain network did not get clearly worse with depth in this experiment.',
      `The change of the plain network exceeds that of the residual one by ${points(difference)}; from ${amount(needed)} on it is more than chance.`,
      residualWorse
        ? 'The deeper residual network was behind the shallower one too: it has not yet caught up after so many steps.'
        : 'The deeper residual network was not clearly worse than the shallower one.',
      ...testSentence(results, shallow, deep),
    ],
  };
}

function gapOf(results: readonly ArmResult[], shallowName: string, deepName: string): Gap {
  const [shallow, deep] = [trainingError(results, shallowName), trainingError(results, deepName)];
  return { shallow, deep, growth: deep.mean - shallow.mean };
}

const change = ({ shallow, deep, growth }: Gap): string =>
  `from ${formatShare(shallow)} to ${formatShare(deep)} (${points(growth)})`;

function testSentence(results: readonly ArmResult[], shallow: number, deep: number): string[] {
  const growth = (family: Family): number =>
    (testError(results, networkName(family, deep))?.mean ?? Number.NaN) -
    (testError(results, networkName(family, shallow))?.mean ?? Number.NaN);
  const [plain, residual] = [growth('plain'), growth('resnet')];
  if (Number.isNaN(plain + residual)) return [];
  return [`The test error changed by ${points(plain)} for the plain network and by ${points(residual)} for the residual one.`];
}
