/** From options to a data set and its transform. */
import {
  cifar10,
  cifar100,
  compose,
  type Dataset,
  normalise,
  randomCrop,
  randomHorizontalFlip,
  subset,
  synthetic,
  type Transform,
} from '../data/index.ts';
import type { DataOptions } from './options.ts';

export type Split = 'train' | 'test';

/** Training images of the built-in data set in a run without --limit, and its test images. */
const SYNTHETIC_COUNT: Readonly<Record<Split, number>> = { train: 1600, test: 500 };

/** The images of one split. Throws a sentence about what is missing or malformed. */
export function openDataset(
  { dataset, data, seed, limit }: Pick<DataOptions, 'dataset' | 'data' | 'seed' | 'limit'>,
  split: Split,
): Dataset {
  if (dataset === 'synthetic') return synthetic({ split, count: limit ?? SYNTHETIC_COUNT[split], seed });
  if (data === undefined) throw new Error(`--dataset ${dataset} needs --data DIR, the directory with its .bin files`);
  const all = dataset === 'cifar10' ? cifar10(data, { split }) : cifar100(data, { split });
  return limit === undefined || limit >= all.length ? all : subset(all, limit);
}

/** Mean and standard deviation of the pixels by channel, unless given: those of ImageNet, as CIFAR's published weights expect. */
const DEFAULT_MEAN = [0.485, 0.456, 0.406];
const DEFAULT_STD = [0.229, 0.224, 0.225];

/** Augmentation in training (the paper's: pad 4, crop, flip), then normalisation. */
export function transformFor({ mean, std }: Pick<DataOptions, 'mean' | 'std'>, augment: 'none' | 'cifar'): Transform {
  if (std?.some((value) => value === 0))
    throw new Error('--std holds a 0; pixels are divided by it, so it needs numbers other than 0');
  const normal = normalise({ mean: mean ?? DEFAULT_MEAN, std: std ?? DEFAULT_STD });
  return augment === 'none' ? normal : compose(randomCrop({ padding: 4 }), randomHorizontalFlip(), normal);
}
