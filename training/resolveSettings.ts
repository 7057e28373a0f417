import type { NetworkSettings } from '../models/browser.ts';
import { type PictureSettings, type RecipeName, type RecipeSettings, recipeSettings } from './recipes.ts';
import { checkSettings, type DatasetName, RUN_DEFAULTS, type RunSettings } from './runSettings.ts';

/** What RunSettings are made of; undefined where nothing was given. */
export interface GivenSettings {
  /** The recipe whose settings the others override; the defaults without one. */
  readonly recipe?: RecipeName;
  /** A name that `modelNamed` knows; resnet20 by default, resnet18 for an image folder. */
  readonly model?: string;
  /** Of residual networks; the network's own by default. */
  readonly shortcut?: NonNullable<NetworkSettings['shortcut']>;
  /** Channels of the first stage of a CIFAR network; 16 by default. */
  readonly width?: number;
  /** `synthetic` by default, `cifar10` for the recipe cifar, `imagefolder` for imagenet. */
  readonly dataset?: DatasetName;
  /** Where the data set lies; needed for all but the built-in one. */
  readonly data?: string;
  /** At most so many images; all by default. */
  readonly limit?: number;
  /** Side of the pictures of an image folder; 224 by default. */
  readonly size?: number;
  /** A file of weights to start from; drawn by default. */
  readonly weights?: string;
  /** Epochs between evaluations; 1 by default. */
  readonly evaluateEvery?: number;
  /** Images of a step. */
  readonly batchSize?: number;
  /** Parts that a step is cut into; must divide the batch size. */
  readonly accumulate?: number;
  /** Passes over the training images. */
  readonly epochs?: number;
  /** Ends after so many steps; given `epochs` alone, a recipe's steps do not count. */
  readonly steps?: number;
  /** The highest rate. */
  readonly learningRate?: number;
  /** Share of the old velocity in the new one. */
  readonly momentum?: number;
  /** Whether momentum is Nesterov's. */
  readonly nesterov?: boolean;
  /** lambda of the L2 penalty lambda / 2 * |w|^2. */
  readonly weightDecay?: number;
  /** Whether biases and the gamma and beta of norms decay too. */
  readonly decayNorms?: boolean;
  /** From 0 (none) to 1. */
  readonly labelSmoothing?: number;
  /** How the rate goes on from its highest value. */
  readonly schedule?: RecipeSettings['rate']['schedule'];
  /** Steps at which the rate falls, for the schedule `steps`. */
  readonly milestones?: readonly number[];
  /** What the rate is multiplied by, for `steps` and `plateau`. */
  readonly factor?: number;
  /** Evaluations without progress that a `plateau` waits. */
  readonly patience?: number;
  /** Share of all steps in which the rate rises. */
  readonly warmUp?: number;
  /** A constant rate at the beginning instead. */
  readonly warmUpRate?: number;
  /** The training error that ends that beginning, from 0 to 1. */
  readonly warmUpError?: number;
  /** Training images held out. */
  readonly validation?: number;
  /** Whether every epoch has another order. */
  readonly shuffle?: boolean;
  /** Of weights, order and augmentation. */
  readonly seed?: number;
  /** How training images are changed; `imagenet` needs an image folder, and is its default. */
  readonly augment?: PictureSettings['augment'];
  /** What is subtracted from pixels; given `pixel` or `channel` alone, they are divided by 1. */
  readonly mean?: PictureSettings['mean'];
  /** What pixels are divided by then, by channel. */
  readonly std?: readonly number[];
}

/**
 * The recipe's settings, or the defaults, with what was given in their place. Throws one sentence for settings that contradict
 * each other.
 */
export function resolveSettings(given: GivenSettings): RunSettings {
  const dataset =
    given.dataset ?? (given.recipe === 'imagenet' ? 'imagefolder' : given.recipe === 'cifar' ? 'cifar10' : 'synthetic');
  const folder = dataset === 'imagefolder';
  const model = given.model ?? (folder ? 'resnet18' : RUN_DEFAULTS.model);
  const base = recipeSettings(given.recipe, model);
  const { schedule, milestones, factor, patience, warmUp, warmUpRate, warmUpError, ...flat } = given;
  return checkSettings({
    ...base,
    ...RUN_DEFAULTS,
    augment: folder ? 'imagenet' : base.augment,
    ...(given.mean !== undefined && given.std === undefined && typeof given.mean === 'string' && { std: [1, 1, 1] }),
    ...(given.epochs !== undefined && given.steps === undefined && { steps: null }),
    ...defined(flat),
    model,
    dataset,
    rate: { ...base.rate, ...defined({ schedule, milestones, factor, patience, warmUp, warmUpRate, warmUpError }) },
  });
}

function defined<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
