/** Looking at a network between two steps. */
import ndarray from 'ndarray';
import { type HostArray, softmax, type Tensor, tensor } from 'tapegrad';
import { DataLoader, randomFor, subset } from 'tapegrad/data';
import type { CifarResNet } from 'tapegrad/models';
import { evaluationMode } from 'tapegrad/nn';
import { layerResponses } from 'tapegrad/training';
import type { Inspection, Likelihood, Picture, Prediction } from '../protocol.ts';
import type { Session } from './session.ts';

/** Test images that are shown. */
const SHOWN = 24;

export async function inspect({ model, testImages, transforms }: Session): Promise<Inspection> {
  const shown = subset(testImages, Math.min(SHOWN, testImages.length));
  const loader = new DataLoader(shown, { batchSize: shown.length, transform: transforms.evaluation });
  for await (const { images, labels, indices } of loader) {
    const layers = await layerResponses(model, images, labels);
    const probabilities = await probabilitiesOf(model, images);
    const predictions = indices.map(async (index, k): Promise<Prediction> => {
      const row = probabilities.subarray(k * shown.classes.length, (k + 1) * shown.classes.length);
      const best = rankedClasses(shown.classes, row)[0]!;
      const { data, shape } = await shown.image(index);
      return {
        picture: { width: shape[2]!, height: shape[1]!, pixels: Float32Array.from(data) },
        label: shown.classes[shown.label(index)]!,
        answer: best.label,
        confidence: best.probability,
      };
    });
    return { predictions: await Promise.all(predictions), layers, filters: await firstFilters(model) };
  }
  throw new Error('internal: a loader of test images gave no batch');
}

/** What the network takes a picture for, the likeliest first. */
export async function classify({ model, testImages, transforms }: Session, picture: Picture): Promise<Likelihood[]> {
  const { width, height, pixels } = picture;
  const shape = [3, height, width];
  const image = transforms.evaluation(ndarray(pixels, shape), randomFor(0));
  return rankedClasses(testImages.classes, await probabilitiesOf(model, tensor(Float32Array.from(image.data), [1, ...shape])));
}

/** [n, classes], in evaluation mode. */
async function probabilitiesOf(model: CifarResNet, images: Tensor): Promise<HostArray> {
  const restore = evaluationMode(model);
  const asked = softmax(model.forward(images)).data();
  restore();
  return asked;
}

function rankedClasses(classes: readonly string[], probabilities: HostArray): Likelihood[] {
  return classes.map((label, k) => ({ label, probability: probabilities[k]! })).sort((a, b) => b.probability - a.probability);
}

/** [o, 3, i, j] as a picture for each o. */
async function firstFilters({ conv1 }: CifarResNet): Promise<Picture[]> {
  const [outputs, channels, height, width] = conv1.weight.shape as [number, number, number, number];
  const weights = await conv1.weight.data();
  const size = channels * height * width;
  return Array.from({ length: outputs }, (_, o) => ({
    width,
    height,
    pixels: Float32Array.from(weights.subarray(o * size, (o + 1) * size)),
  }));
}
