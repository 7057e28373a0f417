/** Residual blocks: every shortcut, in training, against finite differences and by hand. */
import { beforeAll, describe, expect, it } from 'vitest';
import { lastPlan, relu, sum, tensor, useDevice } from '../../core/index.ts';
import { BasicBlock, Bottleneck, PaddedIdentity, Sequential, type Shortcut } from '../../nn/index.ts';
import { randomArray } from '../support/random.ts';
import { checkModuleGradient } from './checkModule.ts';

beforeAll(() => useDevice('reference'));

const shortcuts: readonly Shortcut[] = ['A', 'B', 'C', 'none'];

describe.each(shortcuts)('shortcut %s', (shortcut) => {
  it.each([
    { stride: 1, inChannels: 3 },
    { stride: 2, inChannels: 2 },
  ])('BasicBlock has the right gradients, %o', async ({ stride, inChannels }) => {
    const block = new BasicBlock(inChannels, 3, { stride, shortcut });
    await checkModuleGradient(block, [2, inChannels, 5, 4], 1);
  });

  it.each([
    { stride: 1, inChannels: 8, strideOn: '3x3' as const },
    { stride: 2, inChannels: 3, strideOn: '3x3' as const },
    { stride: 2, inChannels: 3, strideOn: '1x1' as const },
  ])('Bottleneck has the right gradients, %o', async ({ stride, inChannels, strideOn }) => {
    const block = new Bottleneck(inChannels, 2, { stride, shortcut, strideOn });
    await checkModuleGradient(block, [2, inChannels, 4, 5], 2);
  });

  it('Bottleneck has its stride where asked', () => {
    const strided = (strideOn: '3x3' | '1x1'): number[][] => {
      const block = new Bottleneck(4, 2, { stride: 2, shortcut, strideOn });
      const x = tensor(randomArray([1, 4, 8, 8], 1), [1, 4, 8, 8]);
      return [block.conv1.forward(x).shape.slice(2), block.forward(x).shape.slice(1)].map((shape) => [...shape]);
    };
    expect(strided('3x3')).toEqual([
      [8, 8],
      [8, 4, 4],
    ]);
    expect(strided('1x1')).toEqual([
      [4, 4],
      [8, 4, 4],
    ]);
  });
});

describe('which shortcuts have parameters', () => {
  const names = (shortcut: Shortcut, inChannels: number): string[] =>
    new BasicBlock(inChannels, 4, { shortcut }).namedParameters().flatMap(([name]) => (name.startsWith('down') ? [name] : []));
  const projection = ['downsample.0.weight', 'downsample.1.weight', 'downsample.1.bias'];

  it.each([
    ['A', [], []],
    ['B', [], projection],
    ['C', projection, projection],
    ['none', [], []],
  ] as const)('%s', (shortcut, sameWidth, wider) => {
    expect(names(shortcut, 4)).toEqual(sameWidth);
    expect(names(shortcut, 2)).toEqual(wider);
  });
});

describe('PaddedIdentity', () => {
  it('keeps every second row and column from the first on, in the middle of zero channels', async () => {
    const x = tensor(
      Array.from({ length: 18 }, (_, k) => k + 1),
      [1, 2, 3, 3],
    );
    const y = new PaddedIdentity(2, 5, 2).forward(x);
    expect(y.shape).toEqual([1, 5, 2, 2]);
    expect([...(await y.data())]).toEqual([0, 0, 0, 0, 1, 3, 7, 9, 10, 12, 16, 18, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('cannot drop channels', () => {
    expect(() => new PaddedIdentity(4, 2, 1)).toThrow('cannot go from 4 to 2');
  });
});

describe('zeroGamma', () => {
  it.each([new BasicBlock(4, 4, { zeroGamma: true }), new Bottleneck(8, 2, { zeroGamma: true })])(
    'begins the block as its shortcut',
    async (block) => {
      const channels = block instanceof Bottleneck ? 8 : 4;
      const x = tensor(randomArray([2, channels, 3, 3], 4), [2, channels, 3, 3]);
      const [y, expected] = await Promise.all([block.forward(x).data(), relu(x).data()]);
      expect(y).toEqual(expected);
    },
  );
});

describe('labels in a plan', () => {
  it('name the convolution whose gradient runs, and the step that fails', async () => {
    const net = new Sequential(new BasicBlock(1, 2), new BasicBlock(2, 2));
    sum(net.forward(tensor(randomArray([1, 1, 3, 3], 5), [1, 1, 3, 3]))).backward();
    await net.parameters()[0]!.grad!.data();
    const labels = new Set(lastPlan()?.plan.steps.map((step) => step.label));
    expect(labels).toContain('1.conv2 / conv2d gradient of weight');
    expect(labels).toContain('0.downsample.0 / conv2d gradient of weight');
    expect(labels).toContain('0.bn1');

    await useDevice('reference', { stopAtNaN: true });
    net.parameters()[1]!.assign(tensor([Number.NaN, 1]));
    await expect(net.forward(tensor(randomArray([1, 1, 3, 3], 5), [1, 1, 3, 3])).data()).rejects.toThrow(/^0\.bn1 \/ /);
    await useDevice('reference');
  });
});
