/** The layers together: small networks learn, the same way every time. */
import { beforeAll, describe, expect, it } from 'vitest';
import { lastPlan, type Plan, tensor, useDevice } from '../../core/index.ts';
import { cifarResnet, resnet50 } from '../../models/index.ts';
import { accuracy, crossEntropy, type Module } from '../../nn/index.ts';
import { clipGradNorm, SGD, withoutDecay } from '../../optim/index.ts';
import { randomArray } from '../support/random.ts';

beforeAll(() => useDevice('reference'));

interface Run {
  readonly losses: number[];
  /** Of the last step, before it. */
  readonly top1: number;
  readonly plans: Set<Plan>;
}

/** Trains on one batch of noise, which a network can only learn by heart. */
async function train(model: Module, steps: number, shape: number[]): Promise<Run> {
  const optimizer = new SGD(withoutDecay(model.parameters()), { learningRate: 0.05, momentum: 0.9, weightDecay: 1e-4 });
  const images = randomArray(shape, 1);
  const labels = tensor(Array.from({ length: shape[0]! }, (_, k) => k % 3));
  const [losses, plans]: [number[], Set<Plan>] = [[], new Set()];
  let top1 = 0;
  for (let step = 0; step < steps; step++) {
    const logits = model.forward(tensor(images, shape));
    const loss = crossEntropy(logits, labels);
    optimizer.zeroGrad();
    loss.backward();
    clipGradNorm(model.parameters(), 5);
    optimizer.step();
    [losses[step], top1] = await Promise.all([loss.item(), accuracy(logits, labels)]);
    plans.add(lastPlan()!.plan);
  }
  return { losses, top1, plans };
}

describe('20 steps', () => {
  it.each(['A', 'none'] as const)('of a CIFAR network with shortcut %s reduce its loss, with one plan', async (shortcut) => {
    const model = cifarResnet({ depth: 8, width: 4, classes: 3, shortcut, seed: 1 });
    const { losses, top1, plans } = await train(model, 20, [6, 3, 8, 8]);
    expect(losses.at(-1)!).toBeLessThan(losses[0]! / 2);
    expect(top1).toBe(1);
    expect(plans.size).toBe(1);
  });

  it('of a bottleneck network as well', async () => {
    const { losses } = await train(resnet50({ width: 2, classes: 3, zeroGamma: true, seed: 2 }), 20, [6, 3, 33, 32]);
    expect(losses.at(-1)!).toBeLessThan(losses[0]! / 2);
  });

  it('are the same for the same seed', async () => {
    const run = () => train(cifarResnet({ depth: 8, width: 4, classes: 3, seed: 7 }), 3, [4, 3, 8, 8]);
    expect((await run()).losses).toEqual((await run()).losses);
  });
});
