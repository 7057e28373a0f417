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
  /** 3x3 to `width` channels. */
  readonly conv1: Conv2d;
  /** Follows conv1. */
  readonly bn1: BatchNorm2d;
  /** n blocks of `width` channels on maps of 32 x 32. */
  readonly layer1: Sequential;
  /** n blocks of twice as many channels on 16 x 16. */
  readonly layer2: Sequential;
  /** n blocks of four times as many channels on 8 x 8. */
  readonly layer3: Sequential;
  /** From the channels' means to the logits. */
  readonly linear: Linear;

  /**
   * `depth` is 6n + 2; throws a RangeError for another. `seed` and `weights` belong to `cifarResnet`, which builds it within
   * `initialise`.
   */
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

/** The CIFAR network of a depth of 6n + 2; throws a RangeError for another. Shortcut `none` makes it a plain one. */
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

/** 20 layers: n = 3, 0.27 M parameters. */
export const resnet20 = residual(20);
/** 32 layers: n = 5, 0.46 M parameters. */
export const resnet32 = residual(32);
/** 44 layers: n = 7, 0.66 M parameters. */
export const resnet44 = residual(44);
/** 56 layers: n = 9, 0.85 M parameters. */
export const resnet56 = residual(56);
/** 110 layers: n = 18, 1.7 M parameters; the paper warms up its rate (sec. 4.2). */
export const resnet110 = residual(110);
/** 1202 layers: n = 200, 19.4 M parameters. */
export const resnet1202 = residual(1202);
/** `resnet20` without shortcuts. */
export const plain20 = plain(20);
/** `resnet32` without shortcuts. */
export const plain32 = plain(32);
/** `resnet44` without shortcuts. */
export const plain44 = plain(44);
/** `resnet56` without shortcuts. */
export const plain56 = plain(56);
/** `resnet110` without shortcuts. */
export const plain110 = plain(110);
