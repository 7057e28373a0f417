/** Images that fit into memory: the built-in ones and CIFAR's. */
import {
  cifar10,
  cifar100,
  compose,
  DataLoader,
  type Dataset,
  normalise,
  perPixelMean,
  randomCrop,
  randomHorizontalFlip,
  subset,
  subtractMean,
  synthetic,
  type Transform,
} from '../data/index.ts';
import {
  channelMeans,
  type EvaluationData,
  evaluationBatch,
  type ImageSettings,
  type Normalisation,
  type Split,
  splitFor,
  type TrainingData,
  testIfAny,
} from './images.ts';
import type { RunSettings } from './settings.ts';

/** Training images of the built-in data set in a run without --limit, and its test images. */
const SYNTHETIC_COUNT: Readonly<Record<Split, number>> = { train: 1600, test: 500 };
export async function openMemoryTraining(settings: RunSettings): Promise<TrainingData> {
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
        : testIfAny(() => openMemoryTest(settings, normalisation, 'test')),
    close: async () => undefined,
  };
}

export function openMemoryTest(settings: ImageSettings, normalisation: Normalisation, split: Split): EvaluationData {
  return { ...evaluationOf(openImages(settings, split), settings, normalisation), split };
}

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
