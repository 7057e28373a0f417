/** The whole configuration of a run: from a recipe and options, or from the run that goes on. Plain data, written as settings.json. */
import { modelTable } from '../models/index.ts';
import {
  RECIPES,
  type RecipeName,
  type RecipeSettings,
  type RunDirectory,
  recipeSettings,
  SETTINGS_FILE,
} from '../training/index.ts';
import { DATASETS, type DatasetName, type Mean } from './options.ts';

/** All that decides the weights at the end. */
export interface RunSettings extends RecipeSettings {
  readonly recipe: RecipeName | null;
  readonly model: string;
  readonly dataset: DatasetName;
  readonly data: string | null;
  readonly limit: number | null;
  /** Side of the pictures of an image folder. */
  readonly size: number;
  /** A file of weights to start from. */
  readonly weights: string | null;
  /** Epochs between evaluations, which a plateau waits for. */
  readonly evaluateEvery: number;
}

/** The options of train that RunSettings are made of; undefined where nothing was given. */
export interface GivenSettings {
  readonly recipe?: RecipeName;
  readonly model?: string;
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
  readonly augment?: RecipeSettings['augment'];
  readonly mean?: Mean;
  readonly std?: readonly number[];
}

const FORMAT = 'tapegrad run';
const VERSION = 1;

/** The recipe's settings, or the defaults, with what was given in their place. */
export function resolveSettings(given: GivenSettings): RunSettings {
  const dataset =
    given.dataset ?? (given.recipe === 'imagenet' ? 'imagefolder' : given.recipe === 'cifar' ? 'cifar10' : 'synthetic');
  const model = given.model ?? (dataset === 'imagefolder' ? 'resnet18' : 'resnet20');
  const base = recipeSettings(given.recipe, model);
  const folder = dataset === 'imagefolder';
  const { schedule, milestones, factor, patience, warmUp, warmUpRate, warmUpError, ...flat } = given;
  const settings: RunSettings = {
    ...base,
    recipe: null,
    data: null,
    limit: null,
    size: 224,
    weights: null,
    evaluateEvery: 1,
    augment: folder ? 'imagenet' : base.augment,
    ...(given.mean !== undefined && given.std === undefined && typeof given.mean === 'string' && { std: [1, 1, 1] }),
    ...(given.epochs !== undefined && given.steps === undefined && { steps: null }),
    ...defined(flat),
    model,
    dataset,
    rate: { ...base.rate, ...defined({ schedule, milestones, factor, patience, warmUp, warmUpRate, warmUpError }) },
  };
  return checked(settings);
}

function defined<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}

function checked(settings: RunSettings): RunSettings {
  const { batchSize, accumulate, std, augment, dataset, rate } = settings;
  if (batchSize % accumulate !== 0)
    throw new Error(`--accumulate ${accumulate} cuts a batch into equal parts, so it must divide --batch-size ${batchSize}`);
  checkStd(std);
  if ((augment === 'imagenet') !== (dataset === 'imagefolder') && augment !== 'none')
    throw new Error(
      `--augment ${augment} is not for --dataset ${dataset}; use ${dataset === 'imagefolder' ? 'imagenet' : 'cifar'} or none`,
    );
  if (rate.schedule === 'steps' && rate.milestones.length === 0)
    throw new Error('--schedule steps needs --milestones, the steps at which the rate falls');
  return settings;
}

export function checkStd(std: readonly number[]): void {
  if (std.some((value) => value === 0))
    throw new Error('--std holds a 0; pixels are divided by it, so it needs numbers other than 0');
}

/** What `settings.json` holds. */
export function settingsFile(settings: RunSettings): object {
  return { format: FORMAT, version: VERSION, ...settings };
}

/** The settings of a run that `train --out` began. Throws a sentence for a directory of anything else. */
export function runSettings(run: RunDirectory): RunSettings {
  const { format, version, ...settings } = run.settings();
  const file = run.file(SETTINGS_FILE);
  if (format !== FORMAT || version !== VERSION)
    throw new Error(`${file} does not hold the settings of a run of this version; give a directory that train --out wrote`);
  if (!isRunSettings(settings)) throw new Error(`${file} has missing or wrong settings; it is damaged`);
  return checked(settings);
}

/** The type of every setting, by an example; the few names and lists are checked one by one. */
function isRunSettings(value: Record<string, unknown>): value is Record<string, unknown> & RunSettings {
  const example = resolveSettings({});
  return (
    hasTypesOf(value, {
      ...example,
      rate: undefined,
      recipe: undefined,
      data: undefined,
      limit: undefined,
      steps: undefined,
      weights: undefined,
      mean: undefined,
    }) &&
    typeof value.rate === 'object' &&
    value.rate !== null &&
    hasTypesOf({ ...value.rate }, { ...example.rate, warmUpRate: undefined }) &&
    isListOfNumbers(value.std, 3) &&
    (value.mean === 'pixel' || value.mean === 'channel' || isListOfNumbers(value.mean, 3)) &&
    ['data', 'weights'].every((name) => value[name] === null || typeof value[name] === 'string') &&
    ['limit', 'steps'].every((name) => value[name] === null || Number.isSafeInteger(value[name])) &&
    (value.recipe === null || RECIPES.some((name) => name === value.recipe)) &&
    DATASETS.some((name) => name === value.dataset) &&
    modelTable.has(String(value.model))
  );
}

function hasTypesOf(value: Record<string, unknown>, example: object): boolean {
  return Object.entries(example).every(([name, wanted]) => {
    if (wanted === undefined) return true;
    const given = value[name];
    return (
      typeof given === typeof wanted &&
      Array.isArray(given) === Array.isArray(wanted) &&
      (typeof given !== 'number' || Number.isFinite(given))
    );
  });
}

function isListOfNumbers(value: unknown, length: number): value is number[] {
  return Array.isArray(value) && value.length === length && value.every(Number.isFinite);
}

/** Options that a run may be given anew when it goes on: they do not change its weights. */
const FREE: readonly string[] = ['data'];

/**
 * The settings with which a run goes on: those it began with. A different one is refused, but for the place of the data, and for the
 * number of epochs or steps where the rate does not depend on it.
 */
export function resumedSettings(stored: RunSettings, given: GivenSettings): RunSettings {
  const { epochs, steps, data, ...rest } = given;
  const { rate, ...flat } = stored;
  const before: Record<string, unknown> = { ...flat, ...rate };
  for (const [name, value] of Object.entries(rest)) {
    if (value === undefined || FREE.includes(name) || JSON.stringify(before[name]) === JSON.stringify(value)) continue;
    throw new Error(
      `${optionName(name)} ${String(value)} was given, but the run began with ${String(before[name])}; leave it out, or begin another run, from its weights if you like (--weights)`,
    );
  }
  const lengthMatters = rate.schedule === 'cosine' || (rate.warmUp > 0 && rate.warmUpRate === null);
  const longer = { ...(epochs !== undefined && { epochs, steps: null }), ...(steps !== undefined && { steps }) };
  const changes = Object.entries(longer).some(([name, value]) => before[name] !== value);
  if (changes && lengthMatters)
    throw new Error(
      `the learning rate of this run depends on its length (${lengthOf(stored)}), so --epochs and --steps cannot change now`,
    );
  return { ...stored, ...longer, ...(data !== undefined && { data }) };
}

const optionName = (name: string): string => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

export const lengthOf = ({ steps, epochs }: RunSettings): string => (steps === null ? `${epochs} epochs` : `${steps} steps`);

/** For people: a setting a line. */
export function formatSettings({ rate, ...settings }: RunSettings): string {
  const entries = Object.entries({ ...settings, ...rate }).filter(
    ([, value]) => value !== null && !(Array.isArray(value) && value.length === 0),
  );
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, value]) => `  ${name.padEnd(width)}  ${String(value)}`).join('\n');
}
