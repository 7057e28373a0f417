/** A whole network in training, three steps, on every device: the losses are the reference's. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DeviceName, tensor, useDevice } from '../../core/index.ts';
import { resnet20 } from '../../models/index.ts';
import { crossEntropy } from '../../nn/index.ts';
import { SGD } from '../../optim/index.ts';
import { openedDevices } from '../support/devices.ts';
import { randomArray } from '../support/random.ts';

const STEPS = 3;
const BATCH = 2;
/** Float32 rounding in 20 layers, carried on by two updates; relative to the loss. */
const TOLERANCE = 1e-3;

async function losses(device: DeviceName, shortcut: 'A' | 'B'): Promise<number[]> {
  await useDevice(device);
  const model = resnet20({ seed: 5, shortcut });
  const optimizer = new SGD(model.parameters(), { learningRate: 0.1, momentum: 0.9, weightDecay: 1e-4 });
  const result: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    const images = tensor(Float32Array.from(randomArray([BATCH, 3, 32, 32], step + 1)), [BATCH, 3, 32, 32]);
    const loss = crossEntropy(model.forward(images), tensor([1, 7]));
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    result.push(await loss.item());
  }
  return result;
}

describe.each(['A', 'B'] as const)('resnet20 with shortcut %s', (shortcut) => {
  let expected: number[];
  beforeAll(async () => {
    expected = await losses('reference', shortcut);
  });
  afterAll(() => useDevice('reference'));

  for (const { name, reason, device } of openedDevices) {
    const skipped = device === undefined && process.env.CI !== 'true';
    it.skipIf(skipped)(`has the reference's losses on ${name}${skipped ? ` (skipped: ${reason})` : ''}`, async () => {
      const actual = await losses(name, shortcut);
      expect(new Set(expected).size).toBe(STEPS);
      actual.forEach((loss, k) => expect(Math.abs(loss / expected[k]! - 1), `step ${k + 1}`).toBeLessThan(TOLERANCE));
    });
  }
});
