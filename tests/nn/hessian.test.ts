/** Second derivatives of blocks and of a whole network: Hessian-vector products by the tape against differences of first derivatives. */
import { beforeAll, describe, it } from 'vitest';
import { useDevice } from '../../core/index.ts';
import { cifarResnet } from '../../models/index.ts';
import { BasicBlock, Bottleneck, type Shortcut } from '../../nn/index.ts';
import { checkModuleHessian } from './checkModule.ts';

beforeAll(() => useDevice('reference'));

describe.each<Shortcut>(['A', 'B', 'C', 'none'])('shortcut %s', (shortcut) => {
  it.each([1, 2])('BasicBlock with stride %i', (stride) =>
    checkModuleHessian(new BasicBlock(stride === 1 ? 3 : 2, 3, { stride, shortcut }), [3, stride === 1 ? 3 : 2, 5, 4], 5),
  );
  it.each(['3x3', '1x1'] as const)('Bottleneck with its stride on %s', (strideOn) =>
    checkModuleHessian(new Bottleneck(3, 2, { stride: 2, shortcut, strideOn }), [3, 3, 6, 5], 6),
  );
});

// Seeds for which no activation lies within the differences' step of ReLU's kink.
it.each([
  ['A', 7],
  ['B', 7],
  ['C', 7],
  ['none', 12],
] as const)('resnet8 with shortcut %s', (shortcut, seed) =>
  checkModuleHessian(cifarResnet({ depth: 8, width: 2, classes: 3, shortcut }), [4, 3, 8, 8], seed),
);
