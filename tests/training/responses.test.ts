/** Layer responses against the network of eight layers written out once more, whose deviations are taken on the host. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  add,
  batchNorm,
  conv2d,
  crossEntropy,
  flatten,
  globalAvgPool2d,
  gradient,
  type HostArray,
  matmul,
  relu,
  State,
  type Tensor,
  tensor,
  transpose,
  useDevice,
} from '../../core/index.ts';
import { buildNetwork } from '../../models/index.ts';
import { Dropout, evaluationMode, initialise, type Module, randomState, Sequential } from '../../nn/index.ts';
import { layerResponses } from '../../training/index.ts';

beforeAll(() => useDevice('reference'));
afterAll(() => useDevice('reference'));

const images = tensor(
  Float64Array.from({ length: 4 * 3 * 8 * 8 }, (_, k) => Math.sin(k * 12.9898)),
  [4, 3, 8, 8],
);
const labels = tensor([1, 0, 3, 2]);

const residual = (): Module => buildNetwork({ model: 'cifar-resnet8', shortcut: 'B', width: 4 }, { classes: 4, seed: 5 });
/** With a generator that every forward pass in training moves. */
const noisy = (): Module => initialise({ seed: 5 }, () => new Sequential(new Dropout(0.5), residual()));
const plain = (): Module => buildNetwork({ model: 'cifar-plain8', shortcut: null, width: 4 }, { classes: 4, seed: 5 });

/** The responses of the paper's eight layers but the last, and the loss, from the values of a network. */
async function byHand(model: Module, shortcuts: boolean): Promise<{ responses: Tensor[]; loss: Tensor }> {
  const states = new Map([...(await model.stateDict())].map(([name, { shape, data }]) => [name, new State(data, { shape })]));
  const value = (name: string): Tensor => states.get(name)!.read();
  const normalised = (x: Tensor, conv: string, norm: string, stride: number, padding: number): Tensor =>
    batchNorm(conv2d(x, value(`${conv}.weight`), { stride, padding }), value(`${norm}.weight`), value(`${norm}.bias`)).output;
  const responses = [normalised(images, 'conv1', 'bn1', 1, 1)];
  let x = relu(responses[0]!);
  for (const [block, stride] of [
    ['layer1.0', 1],
    ['layer2.0', 2],
    ['layer3.0', 2],
  ] as const) {
    const first = normalised(x, `${block}.conv1`, `${block}.bn1`, stride, 1);
    const second = normalised(relu(first), `${block}.conv2`, `${block}.bn2`, 1, 1);
    const shortcut = stride === 1 || !shortcuts ? x : normalised(x, `${block}.downsample.0`, `${block}.downsample.1`, stride, 0);
    responses.push(first, second);
    x = relu(shortcuts ? add(second, shortcut) : second);
  }
  const logits = add(matmul(flatten(globalAvgPool2d(x)), transpose(value('linear.weight'))), value('linear.bias'));
  return { responses, loss: crossEntropy(logits, labels) };
}

function deviation(data: HostArray): number {
  const values = [...data];
  const mean = values.reduce((sum, each) => sum + each, 0) / values.length;
  return Math.sqrt(values.reduce((sum, each) => sum + (each - mean) ** 2, 0) / values.length);
}

describe.each([
  ['a residual network with projections', residual, true],
  ['a plain network', plain, false],
])('the layer responses of %s', (_, build, shortcuts) => {
  it('are those written out by hand, with the gradients by them', async () => {
    const found = await layerResponses(build(), images, labels);
    const { responses, loss } = await byHand(build(), shortcuts);
    const gradients = gradient(loss, responses);
    const [values, slopes] = await Promise.all([responses, gradients].map((all) => Promise.all(all.map((each) => each.data()))));
    expect(found.map(({ name }) => name)).toEqual([
      'bn1',
      'layer1.0.bn1',
      'layer1.0.bn2',
      'layer2.0.bn1',
      'layer2.0.bn2',
      'layer3.0.bn1',
      'layer3.0.bn2',
    ]);
    expect(found.map(({ depth }) => depth)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    found.forEach(({ std, gradientStd }, k) => {
      // The reference device computes in float64; sums in another order differ in its last digits.
      expect(std / deviation(values![k]!)).toBeCloseTo(1, 10);
      expect(gradientStd / deviation(slopes![k]!)).toBeCloseTo(1, 10);
    });
  });

  it('are the same on simd', async () => {
    const exact = await layerResponses(build(), images, labels);
    await useDevice('simd', { threads: 1 });
    const rounded = await layerResponses(build(), images, labels).finally(() => useDevice('reference'));
    // float32 through eight layers and back: errors of some 1e-6, with room
    rounded.forEach(({ std, gradientStd }, k) => {
      expect(std / exact[k]!.std).toBeCloseTo(1, 4);
      expect(gradientStd / exact[k]!.gradientStd).toBeCloseTo(1, 4);
    });
  });

  it.each([true, false])('leave the network as it was, with training %s', async (training) => {
    const model = build();
    crossEntropy(model.forward(images), labels).backward();
    await model.parameters()[0]!.grad!.data();
    const logits = (): Promise<HostArray> => {
      const restore = evaluationMode(model); // a forward pass in training would move the statistics itself
      return model.forward(images).data().finally(restore);
    };
    model.train(training);
    const snapshot = async (): Promise<unknown> => ({
      states: await model.stateDict(),
      gradients: await Promise.all(model.parameters().map(({ grad }) => grad!.data())),
      modes: [...model.namedModules().keys()].map((each) => each.training),
      logits: await logits(),
    });
    const before = await snapshot();
    await layerResponses(model, images, labels);
    expect(await snapshot()).toEqual(before);
    await expect(layerResponses(model, tensor(new Float64Array(12), [4, 3]), labels)).rejects.toThrow();
    expect(await snapshot()).toEqual(before);
  });
});

it('layer responses leave the generators of dropout as they were', async () => {
  const model = noisy();
  const before = randomState(model);
  await layerResponses(model, images, labels);
  expect(randomState(model)).toEqual(before);
  model.forward(images);
  expect(randomState(model)).not.toEqual(before);
});
