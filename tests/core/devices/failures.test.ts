/**
 * Failures at random steps of a training on simd: every promise settles, and the training that goes on from the last checkpoint ends with
 * the bits of one that nothing happened to.
 */
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { currentDevice } from '../../../core/devices/current.ts';
import { MemoryError } from '../../../core/devices/device.ts';
import { SimdDevice } from '../../../core/devices/simd/device.ts';
import { type HostArray, State, tensor, useDevice } from '../../../core/index.ts';
import { record } from '../../../core/op.ts';
import { cifarResnet } from '../../../models/index.ts';
import { crossEntropy } from '../../../nn/index.ts';
import { SGD } from '../../../optim/index.ts';
import { randomArray } from '../../support/random.ts';
import { wild } from '../../support/wild.ts';

const STEPS = 5;
const CLASSES = 3;

async function simd(): Promise<SimdDevice> {
  const device = await currentDevice();
  if (!(device instanceof SimdDevice)) throw new Error(`the device is ${device.name}`);
  return device;
}

/** What can go wrong, prepared before a step is recorded; gives what undoes it. */
const FAILURES: Readonly<Record<string, () => Promise<() => void>>> = {
  'a kernel traps': async () => {
    new State([0], { label: 'victim' }).assign(record(wild, [tensor([1])], {}));
    return () => undefined;
  },
  'a thread is lost': async () => {
    (await simd()).pool.tell({ kind: 'run', id: -1 }); // of a plan that it does not know
    return () => undefined;
  },
  'memory is refused': async () => {
    const device = await simd();
    const { prepare } = device;
    device.prepare = () => Promise.reject(new MemoryError('the system refused 1.00 GiB of memory'));
    return () => {
      device.prepare = prepare;
    };
  },
};

const build = () => {
  const model = cifarResnet({ depth: 8, width: 2, classes: CLASSES, seed: 3 });
  return { model, optimizer: new SGD(model.parameters(), { learningRate: 0.05, momentum: 0.9 }) };
};
type Training = ReturnType<typeof build>;

/** A step on a batch that depends on its number only; another batch size each time, so that each compiles a plan of its own. */
async function train({ model, optimizer }: Training, step: number): Promise<void> {
  const n = 4 + step;
  const images = tensor(Float32Array.from(randomArray([n, 3, 8, 8], step)), [n, 3, 8, 8]);
  const loss = crossEntropy(model.forward(images), tensor(Array.from({ length: n }, (_, k) => k % CLASSES)));
  optimizer.zeroGrad();
  loss.backward();
  const promises = [optimizer.step(), loss.item(), model.forward(images).data()];
  const settled = await Promise.allSettled(promises);
  const failed = settled.find((result): result is PromiseRejectedResult => result.status === 'rejected');
  if (failed !== undefined) {
    expect(settled.every(({ status }) => status === 'rejected')).toBe(true);
    throw failed.reason;
  }
}

const checkpoint = async ({ model, optimizer }: Training) => ({
  weights: await model.stateDict(),
  momentum: await optimizer.stateDict(),
});

const bits = async ({ model }: Training): Promise<HostArray[]> => [...(await model.stateDict()).values()].map(({ data }) => data);

describe('a failure in the middle of training on simd', () => {
  afterAll(() => useDevice('reference'));

  it.each(Object.keys(FAILURES))('%s: training goes on from a checkpoint to the same bits', async (kind) => {
    await useDevice('simd', { threads: 2 });
    const undisturbed = build();
    for (let step = 0; step < STEPS; step++) await train(undisturbed, step);
    const expected = await bits(undisturbed);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: STEPS - 1 }), async (when) => {
        await useDevice('simd', { threads: 2 });
        let training = build();
        for (let step = 0; step < STEPS; step++) {
          const saved = await checkpoint(training);
          if (step === when) {
            const undo = await FAILURES[kind]!();
            await expect(train(training, step)).rejects.toThrow(/^wild: |call useDevice\('simd'\) again|refused/);
            undo();
            await useDevice('simd', { threads: 2 });
            training = build();
            training.model.loadStateDict(saved.weights);
            training.optimizer.loadStateDict(saved.momentum);
          }
          await train(training, step);
        }
        expect(await bits(training)).toEqual(expected);
      }),
      { numRuns: 4 },
    );
  });
});
