/** From settings to batches: which images there are, what is held out, and what is subtracted. Image folders are in folders.ts. */
import {
  cifar10,
  cifar100,
  compose,
  DataLoader,
  type Dataset,
  holdOut,
  type Image,
  normalise,
  perPixelMean,
  randomCrop,
  randomHorizontalFlip,
  subset,
  subtractMean,
  synthetic,
  type Transform,
} from '../data/index.ts';
import { openFolderTest, openFolderTraining } from './folders.ts';
import type { RunSettings } from './settings.ts';
import type { RunOptions } from './train.ts';

export type Split = 'train' | 'test';

/** What is subtracted from the pixels, once it is known, and what they are divided by. */
export interface Normalisation {
  /** By channel, or a picture [3, h, w]. */
  readonly mean: readonly number[] | Image;
  readonly std: readonly number[];
}

/** Images to evaluate on, ready for the network. */
export interface EvaluationData {
  readonly split: 'validation' | 'train' | 'test';
  readonly classes: readonly string[];
  /** Consecutive images that show the same picture. */
  readonly viewsPerImage: number;
  /** Fresh loaders, one for each scale. */
  passes(): DataLoader[];
  close(): Promise<void>;
}

export interface TrainingData {
  readonly classes: readonly string[];
  /** Height and width. */
  readonly side: number;
  /** Images to train on. */
  readonly count: number;
  readonly normalisation: Normalisation;
  training(batchSize: number): DataLoader;
  /** What is evaluated after each epoch: the validation images where some are held out, else the test images, if there are any. */
  readonly heldOut: (EvaluationData & { readonly split: 'validation' | 'test' }) | undefined;
  close(): Promise<void>;
}

/** How an evaluation looks at each picture. */
export type Views = 'single' | 'ten-crop' | 'multi-scale';

/** Settings that images depend on. */
export type ImageSettings = Pick<RunSettings, 'dataset' | 'data' | 'seed' | 'limit' | 'size' | 'batchSize'>;
export type ReadOptions = Pick<RunOptions, 'workers' | 'skip'>;

/** Training images of the built-in data set in a run without --limit, and its test images. */
const SYNTHETIC_COUNT: Readonly<Record<Split, number>> = { train: 1600, test: 500 };
/** An evaluation keeps no gradients, so more images fit. */
const LEAST_EVALUATION_BATCH = 50;

/** The training images of a run, with what is held out. Throws a sentence about what is missing or malformed. */
export async function openTrainingData(settings: RunSettings, options: ReadOptions): Promise<TrainingData> {
  if (settings.dataset === 'imagefolder') return openFolderTraining(settings, options);
  const images = openImages(settings, 'train');
  const parts = splitFor(settings, images.length);
  const trained = subset(images, parts.training);
  const normalisation = await normalisationOf(trained, settings);
  const transform = augmented(settings.augment, normalisation);
  const { shuffle, seed } = settings;
  const validation = subset(images, parts.heldOut);
  return {
    classes: images.classes,
    side: images.imageShape[2],
    count: trained.length,
    normalisation,
    training: (batchSize) => new DataLoader(trained, { batchSize, shuffle, seed, transform }),
    heldOut:
      validation.length > 0
        ? { ...evaluationOf(validation, settings, normalisation), split: 'validation' }
        : await testIfAny(() => openTestData(settings, normalisation, options)),
    close: async () => undefined,
  };
}

/** The images of a split, to evaluate on, with what the training images are normalised by. */
export async function openTestData(
  settings: ImageSettings,
  normalisation: Normalisation,
  options: ReadOptions,
  { split = 'test', views = 'single', scales }: { split?: Split; views?: Views; scales?: readonly number[] } = {},
): Promise<EvaluationData> {
  if (settings.dataset === 'imagefolder')
    return openFolderTest(settings, normalisation, options, { split, views, ...(scales && { scales }) });
  if (views !== 'single')
    throw new Error(`--views ${views} is for --dataset imagefolder; the paper tests ${settings.dataset} on the single image`);
  return { ...evaluationOf(openImages(settings, split), settings, normalisation), split };
}

/** A data set may have no test images; then there is nothing to evaluate on, and the run says so. */
export async function testIfAny(open: () => Promise<EvaluationData>): Promise<TrainingData['heldOut']> {
  try {
    return { ...(await open()), split: 'test' };
  } catch (error) {
    console.error(`no evaluation: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

export function splitFor({ validation, seed }: RunSettings, length: number): ReturnType<typeof holdOut> {
  if (validation >= length)
    throw new Error(`--validation ${validation} holds out all of the ${length} training images; it needs to be less`);
  return holdOut(length, validation, seed);
}

export const evaluationBatch = (batchSize: number): number => Math.max(batchSize, LEAST_EVALUATION_BATCH);

function openImages({ dataset, data, seed, limit }: ImageSettings, split: Split): Dataset {
  if (dataset === 'synthetic') return synthetic({ split, count: limit ?? SYNTHETIC_COUNT[split], seed });
  if (data === null) throw new Error(`--dataset ${dataset} needs --data DIR, the directory with its files`);
  const all = dataset === 'cifar10' ? cifar10(data, { split }) : cifar100(data, { split });
  return limit === null || limit >= all.length ? all : subset(all, limit);
}

function evaluationOf(
  images: Dataset,
  { batchSize }: ImageSettings,
  normalisation: Normalisation,
): Omit<EvaluationData, 'split'> {
  const transform = normalising(normalisation);
  return {
    classes: images.classes,
    viewsPerImage: 1,
    passes: () => [new DataLoader(images, { batchSize: evaluationBatch(batchSize), transform })],
    close: async () => undefined,
  };
}

async function normalisationOf(images: Dataset, { mean, std }: RunSettings): Promise<Normalisation> {
  if (typeof mean !== 'string') return { mean, std };
  const picture = await perPixelMean(images);
  return { mean: mean === 'pixel' ? picture : channelMeans(picture), std };
}

/** Means of the channels of a picture [3, h, w]. */
export function channelMeans({ data, shape }: Image): number[] {
  const pixels = shape[1]! * shape[2]!;
  return [0, 1, 2].map((c) => data.subarray(c * pixels, (c + 1) * pixels).reduce((sum, value) => sum + value / pixels, 0));
}

function normalising({ mean, std }: Normalisation): Transform {
  return 'shape' in mean ? compose(subtractMean(mean), normalise({ mean: [0, 0, 0], std })) : normalise({ mean, std });
}

/**
 * The paper's augmentation (sec. 4.2): pad by 4, crop, flip. A mean picture is subtracted before, since it belongs to whole images; then
 * the padding has the mean's value.
 */
function augmented(augment: RunSettings['augment'], normalisation: Normalisation): Transform {
  const normal = normalising(normalisation);
  if (augment === 'none') return normal;
  const moves = [randomCrop({ padding: 4 }), randomHorizontalFlip()];
  return 'shape' in normalisation.mean ? compose(normal, ...moves) : compose(...moves, normal);
}
