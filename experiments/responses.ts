/** Fig. 7 (arXiv:1512.03385): standard deviations of layer responses, after batch norm and before relu and addition. */
import type { ArmResult, Experiment, Verdict } from './experiment.ts';
import { cifarArms, type Family, networkName } from './networks.ts';
import { EVENING, PAPER, QUICK } from './presets.ts';
import { armNames, mean, runsOf } from './statistics.ts';

export const responses: Experiment = {
  name: 'responses',
  title: 'Layer responses (fig. 7)',
  finding: 'residual networks have smaller responses than plain ones, and deeper residual networks smaller ones than shallower',
  images: 'cifar10',
  scales: {
    quick: { depths: [20, 56], seeds: 1, settings: { ...QUICK, epochs: 10 } },
    evening: { depths: [20, 56, 110], seeds: 1, settings: EVENING },
    paper: { depths: [20, 56, 110], seeds: 1, settings: PAPER },
  },
  arms: cifarArms,
  responses: true,
  judge,
};

/** By the mean over all layers. */
function judge(results: readonly ArmResult[]): Verdict {
  const depths = [...new Set(armNames(results).map((name) => Number(name.replace(/\D/g, ''))))].sort((a, b) => a - b);
  const strength = (family: Family, depth: number): number => meanResponse(results, networkName(family, depth));
  const smaller = depths.filter((depth) => strength('resnet', depth) < strength('plain', depth));
  const residual = depths.map((depth) => strength('resnet', depth));
  const falling = residual.every((value, k) => k === 0 || value < residual[k - 1]!);
  const list = depths.map(
    (depth) =>
      `${strength('plain', depth).toFixed(3)} plain and ${strength('resnet', depth).toFixed(3)} residual (${depth} layers)`,
  );
  return {
    outcome: smaller.length === depths.length ? (falling ? 'shown' : 'shown in part') : 'not shown',
    sentences: [
      `The mean standard deviation of a layer's response is ${list.join(', ')}.`,
      smaller.length === depths.length
        ? 'It is smaller in the residual network at every depth.'
        : `It is smaller in the residual network with ${smaller.join(', ') || 'no number of'} layers only.`,
      falling ? 'It falls with the depth of the residual networks.' : 'It does not fall with the depth of the residual networks.',
    ],
  };
}

/** Over all layers and seeds; NaN for networks that diverged. */
function meanResponse(results: readonly ArmResult[], name: string): number {
  return mean(runsOf(results, name).flatMap((run) => run.responses?.map(({ std }) => std) ?? []));
}
