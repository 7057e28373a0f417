/** The playground's built-in run on simd in Node, written with the library's parts and without the playground's. */
import { useDevice } from '../../core/index.ts';
import { DataLoader, normalise, synthetic } from '../../data/index.ts';
import { cifarResnet } from '../../models/index.ts';
import { SGD } from '../../optim/index.ts';
import { IMAGENET_PIXELS, trainStep } from '../../training/index.ts';

export interface NodeRun {
  readonly depth: number;
  readonly width: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly seed: number;
}

/** The losses of the first steps. */
export async function nodeLosses({ depth, width, batchSize, learningRate, seed }: NodeRun, steps: number): Promise<number[]> {
  await useDevice('simd');
  const model = cifarResnet({ depth, width, shortcut: 'A', classes: 10, seed });
  const optimizer = new SGD(model.parameters(), { learningRate, momentum: 0.9, weightDecay: 1e-4 });
  const { mean, std } = IMAGENET_PIXELS;
  const transform = normalise({ mean: mean as number[], std });
  const loader = new DataLoader(synthetic({ split: 'train', count: 1600, seed }), { batchSize, shuffle: true, seed, transform });
  const losses: number[] = [];
  for await (const batch of loader.epoch(0)) {
    losses.push((await trainStep(model, optimizer, [batch])).loss);
    if (losses.length === steps) break;
  }
  return losses;
}
