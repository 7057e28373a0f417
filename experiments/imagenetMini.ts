/** Fig. 4 and table 2 on a small folder of pictures: 18 and 34 layers, plain and residual. */
import { judgeDepth } from './degradation.ts';
import type { Experiment } from './experiment.ts';
import { imageNetArms } from './networks.ts';

const depths = [18, 34];

export const imagenetMini: Experiment = {
  name: 'imagenet-mini',
  title: 'Plain and residual networks on pictures (fig. 4 and table 2)',
  finding: '34 layers have a larger training error than 18 in plain networks, but not in residual ones',
  images: 'imagefolder',
  scales: {
    quick: {
      depths,
      seeds: 1,
      settings: { limit: 1000, size: 64, batchSize: 32, steps: 200, augment: 'none', evaluateEvery: 10 },
    },
    evening: { depths, seeds: 1, settings: { size: 112, batchSize: 64, steps: 1500, learningRate: 0.1 } },
    paper: { depths, seeds: 1, settings: { recipe: 'imagenet', accumulate: 8 } },
  },
  arms: imageNetArms,
  judge: judgeDepth,
};
