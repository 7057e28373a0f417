/** Parsers for option values: commander prints what they throw behind the option's name. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { DEVICE_NAMES, type DeviceName } from '../core/index.ts';
import { MODEL_NAMES, modelNamed, type NetworkSettings } from '../models/index.ts';
import { DATASETS, type DatasetName, type GivenSettings, type RunSettings } from '../training/index.ts';

/** A whole number from `least` on. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`It needs to be a whole number of at least ${least}.`);
  };
}

/** A finite number from `least` on. */
export function realNumber(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isFinite(value) && value >= least) return value;
    throw new InvalidArgumentError(`It needs to be a number of at least ${least}.`);
  };
}

/** A part of a whole, from 0 to 1. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError('It needs to be a number from 0 to 1.');
}

/** Numbers from `least` on with commas between them. */
export function numberList(least: number): (text: string) => number[] {
  return (text) => {
    const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
    if (values.every((value) => Number.isFinite(value) && value >= least)) return values;
    throw new InvalidArgumentError(`It needs to be numbers of at least ${least} with commas between them.`);
  };
}

/** r,g,b */
export function channelList(text: string): number[] {
  const values = text.split(',').map(Number);
  if (values.length === 3 && values.every(Number.isFinite)) return values;
  throw new InvalidArgumentError('It needs to be three numbers with commas between them, such as 0.485,0.456,0.406.');
}

/** pixel, channel or r,g,b */
export function meanOption(text: string): RunSettings['mean'] {
  return text === 'pixel' || text === 'channel' ? text : channelList(text);
}

/** Which network; undefined where nothing was given. */
export type NetworkOptions = Pick<GivenSettings, 'model' | 'shortcut' | 'width'>;

/** What train and evaluate have in common; undefined where nothing was given. */
export interface DataOptions extends NetworkOptions {
  readonly dataset?: DatasetName;
  readonly data?: string;
  readonly size?: number;
  readonly device: DeviceName;
  readonly threads?: number;
  readonly workers?: number;
  readonly batchSize?: number;
  readonly seed?: number;
  readonly limit?: number;
  readonly mean?: RunSettings['mean'];
  readonly std?: number[];
  readonly skip: number;
  readonly json?: boolean;
}

/** What concerns the running of train, not its result. */
export interface RunOptions extends Pick<DataOptions, 'device' | 'threads' | 'workers' | 'skip' | 'json'> {
  readonly out?: string;
  readonly resume?: string;
  readonly checkpointEvery: number;
  readonly keep: number;
}

/** A name that `modelNamed` knows. */
function modelName(text: string): string {
  try {
    if (modelNamed(text) !== undefined) return text;
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
  throw new InvalidArgumentError(`It needs to be one of ${MODEL_NAMES}.`);
}

/** The network of `base`, but for what was given; another model has its own shortcuts and width where none are given. */
export function chosenNetwork({ model, shortcut, width }: NetworkOptions, base: NetworkSettings): NetworkSettings {
  const before = model === undefined || model === base.model ? base : { model, shortcut: null, width: null };
  return { model: before.model, shortcut: shortcut ?? before.shortcut, width: width ?? before.width };
}

/** The options of NetworkOptions. */
export function networkOptions(): Option[] {
  return [
    new Option(
      '--model <name>',
      'the network; see the command models; cifar-resnet26 and cifar-plain8 stand for every depth of 6n + 2',
    ).argParser(modelName),
    new Option('--shortcut <option>', "of residual networks: A, B or C of the paper (default: the network's own)").choices([
      'A',
      'B',
      'C',
    ]),
    new Option('--width <channels>', 'of the first stage of a CIFAR network (default: 16)').argParser(wholeNumber(1)),
  ];
}

/** The options of DataOptions, for train and evaluate alike; `batchSize` tells how many images go at a time without the option. */
export function addDataOptions(command: Command, batchSize: string): Command {
  return [
    ...networkOptions(),
    new Option('--dataset <name>', 'which images; synthetic, the default, is built in').choices(DATASETS),
    new Option('--data <directory>', 'where the data set lies (for all but synthetic)'),
    new Option('--size <pixels>', 'imagefolder: side of the crops (default: 224)').argParser(wholeNumber(8)),
    new Option('--batch-size <n>', `images at a time (default: ${batchSize})`).argParser(wholeNumber(1)),
    new Option('--device <name>', 'where to compute').choices(DEVICE_NAMES).default('auto'),
    new Option(
      '--threads <n>',
      'threads to compute with (devices simd and webasm; default: TAPEGRAD_THREADS, or the number of cores)',
    ).argParser(wholeNumber(1)),
    new Option('--workers <n>', 'imagefolder: threads that read pictures (default: half the cores)').argParser(wholeNumber(1)),
    new Option('--seed <n>', 'for weights, order and augmentation (default: 0)').argParser(wholeNumber(0)),
    new Option('--limit <images>', 'use only so many images of each split').argParser(wholeNumber(1)),
    new Option('--mean <what>', 'subtracted from pixels between 0 and 1: r,g,b, or channel or pixel means of the data').argParser(
      meanOption,
    ),
    new Option('--std <r,g,b>', 'what pixels are divided by then').argParser(channelList),
    new Option('--skip <pictures>', 'imagefolder: leave out so many unreadable pictures before giving up')
      .argParser(wholeNumber(0))
      .default(100),
    new Option('--json', 'print one JSON object as the last line'),
  ].reduce((extended, option) => extended.addOption(option), command);
}
