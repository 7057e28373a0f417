/**
 * The CIFAR-10 networks (He et al., arXiv:1512.03385, sec. 4.2), with the names of akamaster/pytorch_resnet_cifar10.
 *
 *     conv 3x3 -> 2n convolutions each on maps of 32, 16, 8 with 16, 32, 64 filters -> global average -> linear: 6n + 2 layers
 */
import { flatten, globalAvgPool2d, relu, type Tensor } from '../core/index.ts';
import { BasicBlock, BatchNorm2d, Conv2d, initialise, Linear, Module, type Sequential } from '../nn/index.ts';
import type { ModelOptions } from './resnet.ts';
import { stage } from './stage.ts';

/** [n, 3, h, w] -> [n, classes]; h = w = 32 in the paper. Option A shortcuts unless told otherwise. */
export class CifarResNet extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly linear: Linear;

  constructor(depth: number, options: ModelOptions = {}) {
    super();
    const { classes = 10, inputChannels = 3, width = 16, shortcut = 'A' } = options;
    const blocks = blocksPerStage(depth);
    const makeStage = (from: number, to: number, stride: number): Sequential =>
      stage(blocks, { from, to }, stride, (inChannels, s) => new BasicBlock(inChannels, to, { ...options, shortcut, stride: s }));
    this.conv1 = new Conv2d(inputChannels, width, { kernelSize: 3, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.layer1 = makeStage(width, width, 1);
    this.layer2 = makeStage(width, width * 2, 2);
    this.layer3 = makeStage(width * 2, width * 4, 2);
    this.linear = new Linear(width * 4, classes);
  }

  forward(images: Tensor): Tensor {
    let x = relu(this.bn1.forward(this.conv1.forward(images))); // [n, 16, 32, 32]
    x = this.layer1.forward(x); // [n, 16, 32, 32]
    x = this.layer2.forward(x); // [n, 32, 16, 16]
    x = this.layer3.forward(x); // [n, 64, 8, 8]
    return this.linear.forward(flatten(globalAvgPool2d(x)));
  }
}

/** n of 6n + 2; throws a RangeError for other depths. */
export function blocksPerStage(depth: number): number {
  const n = (depth - 2) / 6;
  if (Number.isInteger(n) && n >= 1) return n;
  throw new RangeError(`cifarResnet: depth ${depth} given; it needs to be 6n + 2: 8, 14, 20, 26, 32, ...`);
}

/** Any depth of 6n + 2. */
export function cifarResnet({ depth, ...options }: ModelOptions & { readonly depth: number }): CifarResNet {
  const { seed = 0, weights } = options;
  return initialise({ seed, ...(weights && { weights }) }, () => new CifarResNet(depth, options));
}

const residual =
  (depth: number) =>
  (options: ModelOptions = {}) =>
    cifarResnet({ ...options, depth });
const plain =
  (depth: number) =>
  (options: ModelOptions = {}) =>
    cifarResnet({ shortcut: 'none', ...options, depth });

export const resnet20 = residual(20);
export const resnet32 = residual(32);
export const resnet44 = residual(44);
export const resnet56 = residual(56);
export const resnet110 = residual(110);
export const resnet1202 = residual(1202);
/** The same stacks without shortcuts. */
export const plain20 = plain(20);
export const plain32 = plain(32);
export const plain44 = plain(44);
export const plain56 = plain(56);
export const plain110 = plain(110);
