/** Layers: their formulas, statistics, modes and messages. Gradients are the ops' own tests; blocks have theirs in residual.test.ts. */
import { beforeAll, describe, expect, it } from 'vitest';
import { fill, gradient, sum, tensor, useDevice } from '../../core/index.ts';
import {
  AvgPool2d,
  accuracy,
  BatchNorm2d,
  Conv2d,
  crossEntropy,
  Dropout,
  Flatten,
  GlobalAvgPool2d,
  Identity,
  initialise,
  Linear,
  MaxPool2d,
  ReLU,
  Sequential,
} from '../../nn/index.ts';
import { randomArray } from '../support/random.ts';
import { checkModuleGradient } from './checkModule.ts';

beforeAll(() => useDevice('reference'));

describe('Conv2d', () => {
  it('has PyTorch’s shapes', () => {
    const layer = new Conv2d(4, 6, { kernelSize: [3, 5], groups: 2 });
    expect(layer.namedParameters().map(([name, { shape }]) => [name, shape])).toEqual([
      ['weight', [6, 2, 3, 5]],
      ['bias', [6]],
    ]);
    expect(new Conv2d(4, 6, { kernelSize: 3, bias: false }).parameters().length).toBe(1);
  });

  it('adds its bias to every position of a channel', async () => {
    const layer = new Conv2d(1, 2, { kernelSize: 1 });
    layer.weight.assign(tensor([1, 10], [2, 1, 1, 1]));
    layer.bias!.assign(tensor([100, 200]));
    const y = layer.forward(tensor([1, 2], [1, 1, 1, 2]));
    expect([...(await y.data())]).toEqual([101, 102, 210, 220]);
  });

  it('has the right gradients with stride, padding, dilation and groups', async () => {
    const layer = new Conv2d(4, 6, { kernelSize: [3, 2], stride: [2, 1], padding: 1, dilation: [1, 2], groups: 2 });
    await checkModuleGradient(layer, [2, 4, 7, 6], 1);
  });

  it('refuses groups that do not divide the channels', () => {
    expect(() => new Conv2d(4, 6, { kernelSize: 3, groups: 4 })).toThrow('4 input and 6 output channels do not divide into 4');
  });
});

describe('BatchNorm2d', () => {
  const values = randomArray([3, 2, 2, 2], 5, -2, 3);
  const ofChannel = (channel: number): number[] => [...values].filter((_, k) => Math.floor(k / 4) % 2 === channel);
  const mean = (list: number[]): number => list.reduce((total, x) => total + x, 0) / list.length;

  it('moves the running statistics by a tenth, with the unbiased variance', async () => {
    const layer = new BatchNorm2d(2);
    layer.forward(tensor(values, [3, 2, 2, 2]));
    const [means, variances] = await Promise.all([layer.runningMean.data(), layer.runningVar.data()]);
    for (const channel of [0, 1]) {
      const list = ofChannel(channel);
      const unbiased = list.reduce((total, x) => total + (x - mean(list)) ** 2, 0) / (list.length - 1);
      expect(means[channel]).toBeCloseTo(0.1 * mean(list), 14);
      expect(variances[channel]).toBeCloseTo(0.9 + 0.1 * unbiased, 14);
    }
  });

  it('normalises by the batch in training, by the running statistics in evaluation', async () => {
    const layer = new BatchNorm2d(2);
    const x = tensor(values, [3, 2, 2, 2]);
    const trained = await layer.forward(x).data();
    expect(mean([...trained].filter((_, k) => Math.floor(k / 4) % 2 === 0))).toBeCloseTo(0, 14);
    layer.runningMean.assign(tensor([1, 2]));
    layer.runningVar.assign(tensor([4, 9]));
    const [evaluated, still] = await Promise.all([layer.eval().forward(x).data(), layer.runningMean.data()]);
    expect(evaluated[0]).toBeCloseTo((values[0]! - 1) / Math.sqrt(4 + 1e-5), 14);
    expect(evaluated[4]).toBeCloseTo((values[4]! - 2) / Math.sqrt(9 + 1e-5), 14);
    expect([...still]).toEqual([1, 2]);
  });

  it.each([true, false])('has the right gradients, training %s', async (training) => {
    await checkModuleGradient(new BatchNorm2d(3).train(training), [4, 3, 2, 3], 2);
  });

  it('needs more than one value per channel', () => {
    expect(() => new BatchNorm2d(2).forward(fill([1, 2, 1, 1], 1))).toThrow(/batchNorm/);
  });
});

describe('Linear', () => {
  it('is x w^T + b', async () => {
    const layer = new Linear(2, 3);
    layer.weight.assign(
      tensor([
        [1, 2],
        [3, 4],
        [5, 6],
      ]),
    );
    layer.bias!.assign(tensor([10, 20, 30]));
    expect([...(await layer.forward(tensor([[1, -1]])).data())]).toEqual([9, 19, 29]);
    await checkModuleGradient(layer, [4, 2], 3);
  });
});

describe('layers without parameters', () => {
  const x = tensor([1, -2, 3, 4, 5, -6, 7, 8], [1, 2, 2, 2]);

  it.each([
    ['ReLU', new ReLU(), [1, 0, 3, 4, 5, 0, 7, 8], [1, 2, 2, 2]],
    ['MaxPool2d', new MaxPool2d({ kernelSize: 2 }), [4, 8], [1, 2, 1, 1]],
    ['AvgPool2d', new AvgPool2d({ kernelSize: 2 }), [1.5, 3.5], [1, 2, 1, 1]],
    ['GlobalAvgPool2d', new GlobalAvgPool2d(), [1.5, 3.5], [1, 2, 1, 1]],
    ['Flatten', new Flatten(), [1, -2, 3, 4, 5, -6, 7, 8], [1, 8]],
    ['Identity', new Identity(), [1, -2, 3, 4, 5, -6, 7, 8], [1, 2, 2, 2]],
  ])('%s', async (_, layer, expected, shape) => {
    const y = layer.forward(x);
    expect(y.shape).toEqual(shape);
    expect([...(await y.data())]).toEqual(expected);
  });
});

describe('Sequential', () => {
  it('names its layers by position and runs them in order', async () => {
    const net = new Sequential(new Linear(2, 3), new ReLU(), new Sequential(new Linear(3, 1)));
    expect(net.namedParameters().map(([name]) => name)).toEqual(['0.weight', '0.bias', '2.0.weight', '2.0.bias']);
    await checkModuleGradient(net, [3, 2], 4);
  });
});

describe('Dropout', () => {
  const make = (seed = 1): Dropout => initialise({ seed }, () => new Dropout(0.25));

  it('keeps three quarters, made larger by 4 / 3, with a new mask each time and the same masks for the same seed', async () => {
    const [a, b] = [make(), make()];
    const runs = await Promise.all([a, a, b, b].map((layer) => layer.forward(fill([2000], 3)).data()));
    expect(new Set(runs[0])).toEqual(new Set([0, 4]));
    const kept = runs[0]!.filter((value) => value > 0).length / 2000;
    expect(Math.abs(kept - 0.75)).toBeLessThan(4 * Math.sqrt((0.75 * 0.25) / 2000)); // four standard errors
    expect(runs[1]).not.toEqual(runs[0]);
    expect(runs.slice(2)).toEqual(runs.slice(0, 2));
  });

  it('passes gradients where it passed values, and nothing happens in evaluation', async () => {
    const layer = make();
    const x = tensor(randomArray([50], 1));
    const y = layer.forward(x);
    const [slope, value] = await Promise.all([gradient(sum(y), [x])[0]!.data(), y.data()]);
    expect([...slope].map((s) => s > 0)).toEqual([...value].map((v) => v !== 0));
    expect(layer.eval().forward(x)).toBe(x);
  });
});

describe('accuracy', () => {
  const logits = tensor([
    [1, 3, 2],
    [5, 4, 0],
    [2, 2, 2],
    [Number.NaN, 1, 0],
  ]);

  it('counts labels among the k largest', async () => {
    const labels = tensor([1, 1, 0, 0]);
    expect(await accuracy(logits, labels)).toBe(2 / 4);
    expect(await accuracy(logits, labels, 2)).toBe(3 / 4);
    expect(await accuracy(logits, tensor([2, 2, 1, 1]), 2)).toBe(3 / 4);
  });

  it('refuses shapes that do not fit', async () => {
    await expect(accuracy(logits, tensor([1]))).rejects.toThrow('logits need shape [n, classes] and labels [n]');
  });
});

it('crossEntropy is exported beside the layers', async () => {
  expect(await crossEntropy(tensor([[0, 0]]), tensor([1])).item()).toBeCloseTo(Math.log(2), 14);
});
