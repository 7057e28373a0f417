/** Networks by names and settings: any depth, other shortcuts and widths, and what no network has. */
import { describe, expect, it } from 'vitest';
import { buildNetwork, checkNetwork, cifarResnet, modelNamed, modelTable, type NetworkSettings } from '../../models/index.ts';
import { measure, zeroWeights } from '../../nn/index.ts';

const own = { shortcut: null, width: null };
const parameters = (settings: NetworkSettings): number =>
  buildNetwork(settings, { weights: zeroWeights })
    .parameters()
    .reduce((sum, { size }) => sum + size, 0);

describe('modelNamed', () => {
  it.each([8, 14, 20, 26, 50])('cifar-resnet%d and cifar-plain%d are stacks of 6n + 2 layers', (depth) => {
    for (const kind of ['resnet', 'plain']) {
      const entry = modelNamed(`cifar-${kind}${depth}`)!;
      const { modules } = measure(entry.build({ weights: zeroWeights }), entry.inputShape);
      // conv1, two a block, linear; what the others record is batch norm and shortcuts
      expect(modules.filter(({ name }) => /^(.*\.)?conv\d$|^linear$/.test(name))).toHaveLength(depth);
      expect([entry.name, entry.family, entry.layers]).toEqual([`cifar-${kind}${depth}`, 'cifar', depth]);
    }
  });
  it('gives the paper’s networks by their own names', () => {
    for (const [name, entry] of modelTable) expect(modelNamed(name)).toBe(entry);
    expect(parameters({ model: 'cifar-resnet20', ...own })).toBe(parameters({ model: 'resnet20', ...own }));
  });
  it('builds plain ones without shortcuts', () => {
    const states = modelNamed('cifar-plain8')!.build({ weights: zeroWeights }).namedStates();
    const same = cifarResnet({ depth: 8, shortcut: 'none', weights: zeroWeights }).namedStates();
    expect(states.map(([name]) => name)).toEqual(same.map(([name]) => name));
  });
  it.each([
    'resnet21',
    'cifar-resnet',
    'cifar-resnet020',
    'cifar-resnet8.0',
    'cifar-resnet-4',
    'cifar-vgg8',
    'cifar-resnet60002',
    '__proto__',
    '',
  ])('does not know %j', (name) => {
    expect(modelNamed(name)).toBeUndefined();
    expect(() => checkNetwork({ model: name, ...own })).toThrow(/is not the name of a network; give one of resnet18, .*6n \+ 2$/);
  });
  it.each([2, 9, 21])('says which depths there are: %d', (depth) => {
    expect(() => modelNamed(`cifar-resnet${depth}`)).toThrow(
      `cifarResnet: depth ${depth} given; it needs to be 6n + 2: 8, 14, 20, 26, 32, ...`,
    );
  });
});

describe('buildNetwork', () => {
  it('takes shortcuts and width', () => {
    const names = (settings: NetworkSettings): string[] =>
      buildNetwork(settings, { weights: zeroWeights })
        .namedParameters()
        .map(([name]) => name);
    const projections = (settings: NetworkSettings): number =>
      names(settings).filter((name) => name.endsWith('downsample.0.weight')).length;
    const cifar = { model: 'cifar-resnet8', width: null };
    expect([null, 'A', 'B', 'C'].map((each) => projections({ ...cifar, shortcut: each as NetworkSettings['shortcut'] }))).toEqual(
      [0, 0, 2, 3],
    );
    expect([null, 'A'].map((each) => projections({ model: 'resnet18', width: null, shortcut: each as 'A' | null }))).toEqual([
      3, 0,
    ]);
    // the first convolution has 3 * 3 * 3 weights a channel
    const first = buildNetwork({ model: 'plain20', shortcut: null, width: 4 }, { weights: zeroWeights }).parameters()[0]!;
    expect(first.shape).toEqual([4, 3, 3, 3]);
  });
  it('draws the weights of the seed', async () => {
    const weights = async (seed: number): Promise<unknown> =>
      (await buildNetwork({ model: 'cifar-resnet8', ...own }, { seed }).stateDict()).get('conv1.weight');
    expect(await weights(3)).toEqual((await cifarResnet({ depth: 8, seed: 3 }).stateDict()).get('conv1.weight'));
    expect(await weights(3)).not.toEqual(await weights(4));
  });
  it.each([
    [
      { model: 'plain20', shortcut: 'B', width: null },
      'shortcut B was given, but plain20 is a plain network and has no shortcuts; leave it out',
    ],
    [{ model: 'cifar-plain8', shortcut: 'A', width: null }, 'shortcut A was given, but cifar-plain8 is a plain network'],
    [
      { model: 'resnet50', shortcut: null, width: 8 },
      "width 8 was given, but resnet50 has the paper's widths; leave it out, or take a CIFAR network",
    ],
  ] as const)('refuses %j', (settings, sentence) => {
    expect(() => buildNetwork(settings)).toThrow(sentence);
  });
});
