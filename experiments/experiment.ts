/**
 * What an experiment is. The folder owns the paper's experiments as plain data (which networks, how long, what must be seen) and what
 * carries them out; it does not know the command line, nor how a data set is found.
 */

import type { NetworkStart } from '../models/index.ts';
import type { Module } from '../nn/index.ts';
import type { EpochRecord, GivenSettings, LayerResponse } from '../training/index.ts';

export const PRESETS = ['quick', 'evening', 'paper'] as const;
export type PresetName = (typeof PRESETS)[number];

/** How large an experiment is. */
export interface Scale {
  readonly depths: readonly number[];
  /** Each network is trained once with each; the first one is `--seed`, the others follow it. */
  readonly seeds: number;
  readonly settings: GivenSettings;
  /** Channels of the first stage, where it is not the paper's. */
  readonly width?: number;
}

/** One network that is trained, whatever the seed. */
export interface Arm {
  /** In tables, pictures and names of directories. */
  readonly name: string;
  readonly build: (start: NetworkStart) => Module;
}

/** What a run of one arm with one seed has left. Plain data: result.json. */
export interface ArmResult {
  readonly name: string;
  readonly seed: number;
  readonly parameters: number;
  /** For one image. */
  readonly multiplyAdds: number;
  readonly trainingImages: number;
  readonly testImages: number;
  readonly classes: number;
  readonly history: readonly EpochRecord[];
  /** The sentence with which the run ended early, because its numbers were no longer finite. */
  readonly diverged: string | null;
  /** After training; null where the experiment does not ask for them. */
  readonly responses: readonly LayerResponse[] | null;
}

/** Whether the paper's finding showed; open where the paper has none. */
export type Outcome = 'shown' | 'shown in part' | 'not shown' | 'open';

export interface Verdict {
  readonly outcome: Outcome;
  /** What the numbers say, in whole sentences. */
  readonly sentences: readonly string[];
}

export interface Experiment {
  readonly name: string;
  readonly title: string;
  /** The paper's finding, as one sentence. */
  readonly finding: string;
  readonly images: 'cifar10' | 'imagefolder';
  readonly scales: Readonly<Record<PresetName, Scale>>;
  readonly arms: (scale: Scale) => readonly Arm[];
  /** Measures the layer responses of trained networks, and draws them instead of the errors. */
  readonly responses?: boolean;
  readonly judge: (results: readonly ArmResult[]) => Verdict;
}
