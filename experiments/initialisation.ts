/** The question that the paper's readers ask: how much depends on the weights that training begins with, given batch norm? */
import type { ArmResult, Experiment, Verdict } from './experiment.ts';
import { INITIALISERS } from './initialisers.ts';
import { cifarArm, FAMILIES, networkName } from './networks.ts';
import { EVENING, PAPER } from './presets.ts';
import { armNames, chance, formatShare, margin, type Share, trainingError } from './statistics.ts';

/** A network has learnt something if its error is below this share of that of guessing. */
const LEARNT = 0.8;

export const initialisation: Experiment = {
  name: 'initialisation',
  title: 'Initial weights (arXiv:1502.01852)',
  finding: 'none: the paper draws all weights as He et al. 2015 do, and leaves open what others would give',
  images: 'cifar10',
  scales: {
    quick: { depths: [20, 56], seeds: 1, settings: { limit: 800, batchSize: 32, epochs: 9, evaluateEvery: 9 } },
    evening: { depths: [20, 56], seeds: 1, settings: { ...EVENING, epochs: 1 } },
    paper: { depths: [20, 56], seeds: 1, settings: PAPER },
  },
  arms: (scale) =>
    scale.depths.flatMap((depth) =>
      FAMILIES.flatMap((family) =>
        Object.entries(INITIALISERS).map(([how, weights]) => {
          const name = `${networkName(family, depth)}-${how}`;
          return cifarArm({ name, depth, shortcut: family === 'plain' ? 'none' : 'A', weights }, scale);
        }),
      ),
    ),
  judge,
};

interface Row {
  readonly name: string;
  readonly error: Share;
}

function judge(results: readonly ArmResult[]): Verdict {
  const guessing = chance(results[0]!);
  const rows = armNames(results).map((name): Row => ({ name, error: trainingError(results, name) }));
  const networks = [...new Set(rows.map(({ name }) => name.split('-')[0]!))];
  const stuck = rows.filter(({ error }) => error.mean >= LEARNT * guessing).map(({ name }) => name);
  const diverged = [...new Set(results.flatMap((run) => (run.diverged === null ? [] : [run.name])))];
  return {
    outcome: 'open',
    sentences: [
      stuck.length === 0
        ? `Every network trained: its training error fell below ${LEARNT} of that of guessing.`
        : `Not trained (training error still above ${LEARNT} of that of guessing): ${stuck.join(', ')}; all others trained.`,
      ...(diverged.length === 0 ? [] : [`The numbers of ${diverged.join(', ')} became infinite.`]),
      ...networks.map((network) => range(network, rows)),
    ],
  };
}

function range(network: string, rows: readonly Row[]): string {
  const sorted = rows.filter(({ name }) => name.startsWith(`${network}-`)).sort((a, b) => a.error.mean - b.error.mean);
  const [best, worst] = [sorted[0]!, sorted.at(-1)!];
  const how = ({ name, error }: Row): string => `${name.slice(network.length + 1)} (${formatShare(error)})`;
  const chanceOnly = worst.error.mean - best.error.mean <= margin(best.error, worst.error);
  return `${network}: best ${how(best)}, worst ${how(worst)}${chanceOnly ? ', no more apart than by chance' : ''}.`;
}
