import type { NetworkSettings } from '../models/browser.ts';
import { type PictureSettings, type RecipeName, type RecipeSettings, recipeSettings } from './recipes.ts';
import { checkSettings, type DatasetName, RUN_DEFAULTS, type RunSettings } from './runSettings.ts';

/** What RunSettings are made of; undefined where nothing was given. */
export interface GivenSettings {
  readonly recipe?: RecipeName;
  readonly model?: string;
  readonly shortcut?: NonNullable<NetworkSettings['shortcut']>;
  readonly width?: number;
  readonly dataset?: DatasetName;
  readonly data?: string;
  readonly limit?: number;
  readonly size?: number;
  readonly weights?: string;
  readonly evaluateEvery?: number;
  readonly batchSize?: number;
  readonly accumulate?: number;
  readonly epochs?: number;
  readonly steps?: number;
  readonly learningRate?: number;
  readonly momentum?: number;
  readonly nesterov?: boolean;
  readonly weightDecay?: number;
  readonly decayNorms?: boolean;
  readonly labelSmoothing?: number;
  readonly schedule?: RecipeSettings['rate']['schedule'];
  readonly milestones?: readonly number[];
  readonly factor?: number;
  readonly patience?: number;
  readonly warmUp?: number;
  readonly warmUpRate?: number;
  readonly warmUpError?: number;
  readonly validation?: number;
  readonly shuffle?: boolean;
  readonly seed?: number;
  readonly augment?: PictureSettings['augment'];
  readonly mean?: PictureSettings['mean'];
  readonly std?: readonly number[];
}

/** The recipe's settings, or the defaults, with what was given in their place. */
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
