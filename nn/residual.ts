/**
 * Residual blocks (He et al., arXiv:1512.03385, sec. 3.2 and fig. 5): y = relu(F(x) + shortcut(x)), F two or three convolutions, each
 * followed by batch norm. Names are torchvision's: conv1, bn1, conv2, bn2, downsample.
 */
import { add, relu, type Tensor } from '../core/index.ts';
import { BatchNorm2d } from './batchNorm2d.ts';
import { Conv2d } from './conv2d.ts';
import { Module } from './module.ts';
import { type Shortcut, shortcutModule } from './shortcut.ts';

/** Options of `BasicBlock`. */
export interface BlockOptions {
  /** Of the block as a whole, 1 by default: 2 halves height and width. */
  readonly stride?: number;
  /** What is added to F(x); `B` by default. */
  readonly shortcut?: Shortcut;
  /**
   * Begins with the last batch norm's gamma at 0, so the block begins as its shortcut (Goyal et al., arXiv:1706.02677, sec. 5.1);
   * false by default.
   */
  readonly zeroGamma?: boolean;
}

/** Options of `Bottleneck`. */
export interface BottleneckOptions extends BlockOptions {
  /** Which convolution has the stride: the 3x3, the default and torchvision's (v1.5), or the first 1x1 as in the paper. */
  readonly strideOn?: '3x3' | '1x1';
}

/** 3x3, 3x3 (fig. 5, left): [n, c, h, w] -> [n, channels, h / stride, w / stride]. */
export class BasicBlock extends Module {
  /** 3x3 with the block's stride. */
  readonly conv1: Conv2d;
  /** Follows conv1. */
  readonly bn1: BatchNorm2d;
  /** 3x3 */
  readonly conv2: Conv2d;
  /** Follows conv2. */
  readonly bn2: BatchNorm2d;
  /** The shortcut where it is not the identity. */
  readonly downsample: Module | undefined;
  private readonly shortcut: Shortcut;

  /** From `inChannels` to `channels`. */
  constructor(inChannels: number, channels: number, options: BlockOptions = {}) {
    super();
    const { stride = 1, shortcut = 'B', zeroGamma = false } = options;
    this.conv1 = convolution(3, inChannels, channels, stride);
    this.bn1 = new BatchNorm2d(channels);
    this.conv2 = convolution(3, channels, channels);
    this.bn2 = new BatchNorm2d(channels, { gamma: zeroGamma ? 0 : 1 });
    this.downsample = shortcutModule(shortcut, inChannels, channels, stride);
    this.shortcut = shortcut;
  }

  forward(x: Tensor): Tensor {
    let y = relu(this.bn1.forward(this.conv1.forward(x))); // [n, channels, h / stride, w / stride]
    y = this.bn2.forward(this.conv2.forward(y));
    return relu(this.shortcut === 'none' ? y : add(y, this.downsample?.forward(x) ?? x));
  }
}

/** 1x1, 3x3, 1x1 (fig. 5, right): [n, c, h, w] -> [n, 4 channels, h / stride, w / stride]. */
export class Bottleneck extends Module {
  /** Output channels as a multiple of the inner ones. */
  static readonly expansion = 4;

  /** 1x1 to the inner channels. */
  readonly conv1: Conv2d;
  /** Follows conv1. */
  readonly bn1: BatchNorm2d;
  /** 3x3 on the inner channels. */
  readonly conv2: Conv2d;
  /** Follows conv2. */
  readonly bn2: BatchNorm2d;
  /** 1x1 to the output channels. */
  readonly conv3: Conv2d;
  /** Follows conv3. */
  readonly bn3: BatchNorm2d;
  /** The shortcut where it is not the identity. */
  readonly downsample: Module | undefined;
  private readonly shortcut: Shortcut;

  /** From `inChannels` to 4 `channels`, with `channels` inside. */
  constructor(inChannels: number, channels: number, options: BottleneckOptions = {}) {
    super();
    const { stride = 1, shortcut = 'B', zeroGamma = false, strideOn = '3x3' } = options;
    const outChannels = channels * Bottleneck.expansion;
    this.conv1 = convolution(1, inChannels, channels, strideOn === '1x1' ? stride : 1);
    this.bn1 = new BatchNorm2d(channels);
    this.conv2 = convolution(3, channels, channels, strideOn === '3x3' ? stride : 1);
    this.bn2 = new BatchNorm2d(channels);
    this.conv3 = convolution(1, channels, outChannels);
    this.bn3 = new BatchNorm2d(outChannels, { gamma: zeroGamma ? 0 : 1 });
    this.downsample = shortcutModule(shortcut, inChannels, outChannels, stride);
    this.shortcut = shortcut;
  }

  forward(x: Tensor): Tensor {
    let y = relu(this.bn1.forward(this.conv1.forward(x))); // [n, channels, ...]
    y = relu(this.bn2.forward(this.conv2.forward(y)));
    y = this.bn3.forward(this.conv3.forward(y)); // [n, 4 channels, h / stride, w / stride]
    return relu(this.shortcut === 'none' ? y : add(y, this.downsample?.forward(x) ?? x));
  }
}

/** size x size that keeps height and width at stride 1; without bias, since batch norm follows. */
export function convolution(size: number, inChannels: number, outChannels: number, stride = 1): Conv2d {
  return new Conv2d(inChannels, outChannels, { kernelSize: size, stride, padding: (size - 1) / 2, bias: false });
}
