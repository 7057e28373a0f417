/** The whole configuration of a run, as settings.json holds it: plain data, the same from the command line and from a page. */
import { FileError } from '../disk/reason.ts';
import { checkNetwork, type NetworkSettings } from '../models/browser.ts';
import { isObject, parseObject } from './json.ts';
import { RECIPES, type RecipeName, type RecipeSettings, recipeSettings } from './recipes.ts';

/** The names of the data sets. */
export const DATASETS = ['synthetic', 'cifar10', 'cifar100', 'imagefolder'] as const;
/** A data set by its name. */
export type DatasetName = (typeof DATASETS)[number];

/** All that decides the weights at the end. */
export interface RunSettings extends RecipeSettings, NetworkSettings {
  /** The recipe it began from; null: the defaults. */
  readonly recipe: RecipeName | null;
  /** Which images. */
  readonly dataset: DatasetName;
  /** A directory; null for the built-in data set, and where a page has the data. */
  readonly data: string | null;
  /** At most so many images; null: all. */
  readonly limit: number | null;
  /** Side of the pictures of an image folder. */
  readonly size: number;
  /** A file of weights to start from. */
  readonly weights: string | null;
  /** Epochs between evaluations, which a plateau waits for. */
  readonly evaluateEvery: number;
}

/** What is not part of a recipe, where nothing is given. */
export const RUN_DEFAULTS = {
  recipe: null,
  model: 'resnet20',
  shortcut: null,
  width: null,
  dataset: 'synthetic',
  data: null,
  limit: null,
  size: 224,
  weights: null,
  evaluateEvery: 1,
} as const satisfies Partial<RunSettings>;

const FORMAT = 'tapegrad run';
const VERSION = 1;

/** What settings.json holds, as an object: the settings, behind format and version. */
export function settingsFile(settings: RunSettings): object {
  return { format: FORMAT, version: VERSION, ...settings };
}

/** The text of a settings.json that holds this object. */
export function encodeSettings(settings: object): string {
  return `${JSON.stringify(settings, undefined, 2)}\n`;
}

/** The settings in the text of a settings.json; throws a FileError that names the file. Networks of older runs have their own shortcuts and width. */
export function parseSettings(text: string, file: string): RunSettings {
  const { format, version, ...stored } = parseObject(text, file);
  if (format !== FORMAT || version !== VERSION)
    throw new FileError(`${file} does not hold the settings of a run of this version; give a directory that train --out wrote`);
  const settings = { shortcut: null, width: null, ...stored };
  if (!isRunSettings(settings)) throw new FileError(`${file} has missing or wrong settings; it is damaged`);
  try {
    return checkSettings(settings);
  } catch (error) {
    throw new FileError(`${file} holds settings that no run has: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The settings themselves; throws one sentence for settings that contradict each other. */
export function checkSettings(settings: RunSettings): RunSettings {
  const { batchSize, accumulate, std, augment, dataset, rate } = settings;
  checkNetwork(settings);
  if (batchSize % accumulate !== 0)
    throw new Error(`--accumulate ${accumulate} cuts a batch into equal parts, so it must divide --batch-size ${batchSize}`);
  checkStd(std);
  if (augment === 'imagenet' && dataset !== 'imagefolder')
    throw new Error(`--augment imagenet is not for --dataset ${dataset}; use cifar or none`);
  if (rate.schedule === 'steps' && rate.milestones.length === 0)
    throw new Error('--schedule steps needs --milestones, the steps at which the rate falls');
  return settings;
}

/** Throws one sentence for a deviation of 0, by which pixels cannot be divided. */
export function checkStd(std: readonly number[]): void {
  if (std.some((value) => value === 0))
    throw new Error('--std holds a 0; pixels are divided by it, so it needs numbers other than 0');
}

const isText = (value: unknown): boolean => typeof value === 'string';
const isNullOr = (value: unknown, holds: (value: unknown) => boolean): boolean => value === null || holds(value);
const isOneOf = (value: unknown, names: readonly unknown[]): boolean => names.includes(value);

/** The type of every setting, by an example; the few names, lists and nulls are checked one by one. */
function isRunSettings(value: Record<string, unknown>): value is Record<string, unknown> & RunSettings {
  const recipe = recipeSettings(undefined, RUN_DEFAULTS.model);
  const { model, size, evaluateEvery } = RUN_DEFAULTS;
  return (
    hasTypesOf(value, { ...recipe, rate: undefined, steps: undefined, mean: undefined, model, size, evaluateEvery }) &&
    isObject(value.rate) &&
    hasTypesOf(value.rate, { ...recipe.rate, warmUpRate: undefined }) &&
    isListOfNumbers(value.std, 3) &&
    (isOneOf(value.mean, ['pixel', 'channel']) || isListOfNumbers(value.mean, 3)) &&
    ['data', 'weights'].every((name) => isNullOr(value[name], isText)) &&
    ['limit', 'steps'].every((name) => isNullOr(value[name], Number.isSafeInteger)) &&
    isNullOr(value.width, (width) => Number.isSafeInteger(width) && Number(width) >= 1) &&
    isOneOf(value.recipe, [null, ...RECIPES]) &&
    isOneOf(value.dataset, DATASETS) &&
    isOneOf(value.shortcut, [null, 'A', 'B', 'C'])
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
