/** Every model against the paper (resnet-paper.md): layers, parameters, multiply-adds; and names against files, where there are any. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { tensor, useDevice } from '../../core/index.ts';
import { cifarResnet, modelTable, resnet18, resnet20, resnet34, resnet50 } from '../../models/index.ts';
import { Conv2d, Linear, type Module, measure, type Shortcut, zeroWeights } from '../../nn/index.ts';
import { randomArray } from '../support/random.ts';

beforeAll(() => useDevice('reference'));

const weights = zeroWeights;

/** Weighted layers as the paper counts them: projections on shortcuts do not count. */
function layersOf(model: Module): number {
  const isLayer = ([part, path]: [Module, string]): boolean =>
    (part instanceof Conv2d || part instanceof Linear) && !path.includes('downsample');
  return [...model.namedModules()].filter(isLayer).length;
}

/** The paper prints two or three digits; its last one is rounded or cut off, so a count may be off by one unit of it. */
function lastDigit(value: number, digits: number): number {
  return 10 ** (Math.floor(Math.log10(value)) - digits + 1);
}

describe.each([...modelTable.values()])('$name', ({ name, family, build, inputShape, layers, parameters, multiplyAdds }) => {
  // The paper's FLOPs are for the stride on the first 1x1.
  const model = build({ weights, strideOn: '1x1' });
  const counted = measure(model, inputShape);

  it('has the layers its name says', () => {
    expect(layersOf(model)).toBe(layers);
    expect(name).toMatch(new RegExp(`(resnet|plain)${layers}$`));
  });

  it('has the paper’s parameters, where it gives them', () => {
    if (parameters === undefined) return;
    if (family === 'imagenet') expect(counted.parameters).toBe(parameters);
    else expect(Math.abs(counted.parameters - parameters)).toBeLessThan(lastDigit(parameters, name === 'resnet1202' ? 3 : 2));
  });

  it('has the paper’s multiply-adds, where it gives them', () => {
    if (multiplyAdds === undefined) return;
    const digits = multiplyAdds < 1e8 || (multiplyAdds > 1e9 && multiplyAdds < 1e10) ? 2 : 3;
    expect(Math.abs(counted.multiplyAdds - multiplyAdds)).toBeLessThan(lastDigit(multiplyAdds, digits));
  });
});

describe('parameters of the CIFAR models', () => {
  it.each([
    [20, 269_722],
    [32, 464_154],
    [44, 658_586],
    [56, 853_018],
  ])('depth %i: %i, as of the pretrained files', (depth, count) => {
    expect(measure(cifarResnet({ depth, weights }), [1, 3, 32, 32]).parameters).toBe(count);
  });
});

describe('options', () => {
  const count = (model: Module): number => measure(model, [1, 3, 64, 64]).parameters;

  it.each([
    ['A', 21_797_672 - (64 * 128 + 128 * 256 + 256 * 512) - 2 * (128 + 256 + 512)],
    ['B', 21_797_672],
    ['C', 21_797_672 + 3 * (64 ** 2 + 128) + 3 * (128 ** 2 + 256) + 5 * (256 ** 2 + 512) + 2 * (512 ** 2 + 1024)],
  ] as const)('shortcut %s of resnet34', (shortcut, expected) => {
    expect(count(resnet34({ shortcut, weights }))).toBe(expected);
  });

  it('classes, input channels and width', () => {
    const net = resnet18({ classes: 7, inputChannels: 1, width: 8, weights });
    const shapes = new Map(net.namedParameters().map(([name, { shape }]) => [name, shape]));
    expect(shapes.get('conv1.weight')).toEqual([8, 1, 7, 7]);
    expect(shapes.get('layer4.1.conv2.weight')).toEqual([64, 64, 3, 3]);
    expect(shapes.get('fc.weight')).toEqual([7, 64]);
    expect(count(cifarResnet({ depth: 8, width: 4, classes: 3, weights }))).toBeGreaterThan(0);
  });

  it('the place of the stride changes the multiply-adds, not the parameters', () => {
    const [on3, on1] = (['3x3', '1x1'] as const).map((strideOn) => measure(resnet50({ strideOn, weights }), [1, 3, 224, 224]));
    expect(on3!.parameters).toBe(on1!.parameters);
    expect(on3!.multiplyAdds).toBe(4_089_184_256); // torchvision's 4.09 GFLOPs
    expect(on1!.multiplyAdds).toBeLessThan(on3!.multiplyAdds);
  });

  it('a depth that is not 6n + 2 is refused', () => {
    expect(() => cifarResnet({ depth: 21 })).toThrow('depth 21 given; it needs to be 6n + 2');
    expect(() => cifarResnet({ depth: 2 })).toThrow('6n + 2');
  });

  it('the same seed gives the same bits, another seed others', async () => {
    const first = async (seed: number) => (await resnet20({ seed }).stateDict()).get('layer2.0.conv1.weight')!.data;
    expect(await first(3)).toEqual(await first(3));
    expect(await first(4)).not.toEqual(await first(3));
  });

  it.each(['A', 'B', 'C', 'none'] as const)('any input size, shortcut %s', async (shortcut: Shortcut) => {
    const [width, classes] = [2, 5];
    const models = [
      cifarResnet({ depth: 8, width, classes, shortcut }),
      resnet18({ width, classes, shortcut }),
      resnet50({ width, classes, shortcut }),
    ];
    const images = tensor(randomArray([2, 3, 41, 47], 1), [2, 3, 41, 47]);
    for (const model of models) {
      const logits = model.forward(images);
      expect(logits.shape).toEqual([2, 5]);
      expect((await logits.data()).every(Number.isFinite)).toBe(true);
    }
  });
});

describe('names', () => {
  it('are torchvision’s', () => {
    const names = resnet50({ weights, width: 4 })
      .namedStates()
      .map(([name]) => name);
    expect(names.slice(0, 6)).toEqual([
      'conv1.weight',
      'bn1.weight',
      'bn1.bias',
      'bn1.running_mean',
      'bn1.running_var',
      'layer1.0.conv1.weight',
    ]);
    expect(names).toContain('layer1.0.downsample.0.weight');
    expect(names).toContain('layer4.2.bn3.running_var');
    expect(names.slice(-2)).toEqual(['fc.weight', 'fc.bias']);
    expect(names.length).toBe(267); // torchvision's resnet50: 320 entries, 53 of them num_batches_tracked
  });

  it('are those of akamaster/pytorch_resnet_cifar10', () => {
    const names = resnet20({ weights })
      .namedStates()
      .map(([name]) => name);
    expect(names.length).toBe(97); // as in cifar-resnet20.safetensors
    expect(names).toContain('layer2.0.bn2.running_mean');
    expect(names.some((name) => name.includes('downsample'))).toBe(false);
    expect(names.slice(-2)).toEqual(['linear.weight', 'linear.bias']);
  });

  const folder = process.env.TAPEGRAD_DATA;
  it.skipIf(folder === undefined)('and shapes are those of the pretrained CIFAR models (TAPEGRAD_DATA)', () => {
    const file = readFileSync(join(folder!, 'cifar-resnet-models.json'), 'utf8');
    const { models } = JSON.parse(file) as { models: Record<string, { shapes: Record<string, number[]> }> };
    for (const [name, { shapes }] of Object.entries(models)) {
      const own = modelTable
        .get(name)!
        .build({ weights })
        .namedStates()
        .map(([key, { shape }]) => [key, shape]);
      expect(Object.fromEntries(own)).toEqual(shapes);
    }
  });
});
