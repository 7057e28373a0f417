/** Sec. 4.1, "Deeper Bottleneck Architectures" (arXiv:1512.03385): what bottlenecks cost, and what projections on them would. */
import { blocksPerStage } from '../models/cifarResnet.ts';
import { initialise, type Shortcut } from '../nn/index.ts';
import { BottleneckResNet } from './bottleneckNetwork.ts';
import type { Arm, ArmResult, Experiment, Scale, Verdict } from './experiment.ts';
import { cifarArm } from './networks.ts';
import { EVENING, PAPER, QUICK } from './presets.ts';
import { formatShare, imagesPerSecond, runsOf, testError, trainingError } from './statistics.ts';

const [BASIC, IDENTITY, PROJECTION] = ['basic', 'bottleneck-identity', 'bottleneck-projection'];
/** Costs that are called similar. */
const SIMILAR = 0.15;
/** Costs from here on are called about doubled. */
const DOUBLED = 1.6;

export const bottleneck: Experiment = {
  name: 'bottleneck',
  title: 'Bottlenecks, and projections on them (sec. 4.1)',
  finding: 'a bottleneck costs about as much as a basic block, and projections about double the size and cost of bottlenecks',
  images: 'cifar10',
  scales: {
    quick: { depths: [20], seeds: 1, settings: QUICK },
    evening: { depths: [32], seeds: 2, settings: EVENING },
    paper: { depths: [56], seeds: 1, settings: PAPER },
  },
  arms: (scale) => [
    cifarArm({ name: BASIC!, depth: scale.depths[0]!, shortcut: 'A' }, scale),
    bottleneckArm(IDENTITY!, 'A', scale),
    bottleneckArm(PROJECTION!, 'C', scale),
  ],
  judge,
};

/** As many blocks as the basic network of the scale's depth has. */
function bottleneckArm(name: string, shortcut: Shortcut, { depths, width = 16 }: Scale): Arm {
  const blocks = blocksPerStage(depths[0]!);
  return {
    name,
    build: ({ seed = 0, classes = 10, weights }) =>
      initialise({ seed, ...(weights && { weights }) }, () => new BottleneckResNet({ blocks, shortcut, classes, width })),
  };
}

function judge(results: readonly ArmResult[]): Verdict {
  const costs = [BASIC!, IDENTITY!, PROJECTION!].map((name) => {
    const runs = runsOf(results, name);
    const { parameters, multiplyAdds } = runs[0]!;
    const error = testError(results, name) ?? trainingError(results, name);
    return { name, parameters, multiplyAdds, error, rate: imagesPerSecond(runs) };
  });
  const [basic, identity, projection] = [costs[0]!, costs[1]!, costs[2]!];
  const equal = identity.multiplyAdds / basic.multiplyAdds;
  const [size, cost] = [projection.parameters / identity.parameters, projection.multiplyAdds / identity.multiplyAdds];
  const time = (slow: { rate: number }, fast: { rate: number }): string => (fast.rate / slow.rate).toFixed(2);
  return {
    outcome: Math.abs(equal - 1) <= SIMILAR && size >= DOUBLED && cost >= DOUBLED ? 'shown' : 'not shown',
    sentences: [
      `Bottlenecks with identities have ${equal.toFixed(2)} times the multiply-adds of basic blocks and took ${time(identity, basic)} times their time.`,
      `Projections on bottlenecks make that ${size.toFixed(2)} times the parameters, ${cost.toFixed(2)} times the multiply-adds and ${time(projection, identity)} times the time.`,
      `${testError(results, BASIC!) === undefined ? 'Training' : 'Test'} errors: ${costs.map(({ name, error }) => `${name} ${formatShare(error)}`).join(', ')}.`,
    ],
  };
}
