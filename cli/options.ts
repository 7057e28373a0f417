/** Parsers for option values: commander prints what they throw behind the option's name. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { DEVICE_NAMES, type DeviceName } from '../core/index.ts';
import { modelTable } from '../models/index.ts';

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

/** r,g,b */
export function channelList(text: string): number[] {
  const values = text.split(',').map(Number);
  if (values.length === 3 && values.every(Number.isFinite)) return values;
  throw new InvalidArgumentError('It needs to be three numbers with commas between them, such as 0.485,0.456,0.406.');
}

export const DATASETS = ['synthetic', 'cifar10', 'cifar100'] as const;
export type DatasetName = (typeof DATASETS)[number];

/** What train and evaluate have in common. */
export interface DataOptions {
  readonly model: string;
  readonly dataset: DatasetName;
  readonly data?: string;
  readonly device: DeviceName;
  readonly threads?: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly limit?: number;
  readonly mean?: number[];
  readonly std?: number[];
  readonly json?: boolean;
}

export function modelOption(): Option {
  return new Option('--model <name>', 'the network; see the command models').choices([...modelTable.keys()]).default('resnet20');
}

/** The options of DataOptions, for train and evaluate alike; how many images go at a time has a default of its own for each. */
export function addDataOptions(command: Command, batchSize: number): Command {
  return [
    modelOption(),
    new Option('--dataset <name>', 'which images; synthetic is built in').choices(DATASETS).default('synthetic'),
    new Option('--data <directory>', 'where the data set lies (for all but synthetic)'),
    new Option('--batch-size <n>', 'images at a time').argParser(wholeNumber(1)).default(batchSize),
    new Option('--device <name>', 'where to compute').choices(DEVICE_NAMES).default('auto'),
    new Option('--threads <n>', 'threads to compute with (devices simd and webasm; default: the number of cores)').argParser(
      wholeNumber(1),
    ),
    new Option('--seed <n>', 'for weights, order and augmentation').argParser(wholeNumber(0)).default(0),
    new Option('--limit <images>', 'use only so many images of each split').argParser(wholeNumber(1)),
    new Option('--mean <r,g,b>', 'subtracted from pixels between 0 and 1').argParser(channelList),
    new Option('--std <r,g,b>', 'what pixels are divided by then').argParser(channelList),
    new Option('--json', 'print one JSON object as the last line'),
  ].reduce((extended, option) => extended.addOption(option), command);
}
