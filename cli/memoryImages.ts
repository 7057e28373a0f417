/** Images that fit into memory: the built-in ones and CIFAR's. What is made of them is training/images.ts. */
import { cifar10, cifar100, DataLoader, type Dataset, subset } from '../data/index.ts';
import {
  imageTransforms,
  limited,
  type Normalisation,
  normalisationFor,
  type RunSettings,
  splitFor,
  syntheticImages,
} from '../training/index.ts';
import { type EvaluationData, evaluationBatch, type ImageSettings, type Split, type TrainingData, testIfAny } from './images.ts';

export async function openMemoryTraining(settings: RunSettings): Promise<TrainingData> {
  const images = openImages(settings, 'train');
  const parts = splitFor(settings, images.length);
  const trained = subset(images, parts.training);
  const normalisation = await normalisationFor(trained, settings);
  const transform = imageTransforms(settings, normalisation).training;
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

function openImages(settings: ImageSettings, split: Split): Dataset {
  const { dataset, data } = settings;
  if (dataset === 'synthetic') return syntheticImages(settings, split);
  if (data === null) throw new Error(`--dataset ${dataset} needs --data DIR, the directory with its files`);
  return limited(dataset === 'cifar10' ? cifar10(data, { split }) : cifar100(data, { split }), settings);
}

function evaluationOf(
  images: Dataset,
  { batchSize }: ImageSettings,
  normalisation: Normalisation,
): Omit<EvaluationData, 'split'> {
  const transform = imageTransforms({ augment: 'none' }, normalisation).evaluation;
  return {
    classes: images.classes,
    viewsPerImage: 1,
    passes: () => [new DataLoader(images, { batchSize: evaluationBatch(batchSize), transform })],
    close: async () => undefined,
  };
}
