/**
 * The ImageNet networks (He et al., arXiv:1512.03385, sec. 3.3 and table 1), with torchvision's names, so its weights load as they are.
 * The folder owns networks put together from nn, their table, and files of weights.
 *
 *     conv 7x7 / 2 -> max pool 3x3 / 2 -> four stages, maps of 56, 28, 14, 7 -> global average -> linear
 */
import { flatten, globalAvgPool2d, maxPool2d, relu, type Tensor } from '../core/index.ts';
import {
  BasicBlock,
  BatchNorm2d,
  Bottleneck,
  Conv2d,
  type Initialiser,
  initialise,
  Linear,
  Module,
  type Sequential,
  type Shortcut,
} from '../nn/index.ts';
import { stage } from './stage.ts';

/** Options of every network here. */
export interface ModelOptions {
  /** Logits an image; 1000 by default, of CIFAR networks 10. */
  readonly classes?: number;
  /** Channels of the images; 3 by default. */
  readonly inputChannels?: number;
  /** Channels of the first stage, the next has twice as many; 64 by default, of CIFAR networks 16. */
  readonly width?: number;
  /** What is added in every block; the network's own by default. */
  readonly shortcut?: Shortcut;
  /** Begins every block as its shortcut (arXiv:1706.02677, sec. 5.1); false by default. */
  readonly zeroGamma?: boolean;
  /** Of the weights; 0 by default. */
  readonly seed?: number;
  /** How weights are drawn; He normal, fan in, by default. */
  readonly weights?: Initialiser;
}

/** Options of the ImageNet networks. */
export interface ResNetOptions extends ModelOptions {
  /** Which convolution of a bottleneck has the stride: the 3x3, the default and torchvision's, or the first 1x1, the paper's. */
  readonly strideOn?: '3x3' | '1x1';
}

/** [n, 3, h, w] -> [n, classes]; h and w from 32 on, 224 in the paper. */
export class ResNet extends Module {
  /** 7x7 with stride 2 to `width` channels. */
  readonly conv1: Conv2d;
  /** Follows conv1; a ReLU and a 3x3 maximum with stride 2 come next. */
  readonly bn1: BatchNorm2d;
  /** The paper's conv2_x, on maps of 56 x 56. */
  readonly layer1: Sequential;
  /** The paper's conv3_x, on 28 x 28. */
  readonly layer2: Sequential;
  /** The paper's conv4_x, on 14 x 14. */
  readonly layer3: Sequential;
  /** The paper's conv5_x, on 7 x 7. */
  readonly layer4: Sequential;
  /** From the channels' means to the logits. */
  readonly fc: Linear;

  /**
   * `blocks` holds the number of blocks of each stage. `seed` and `weights` belong to the functions that build it within
   * `initialise`, such as `resnet18`.
   */
  constructor(block: 'basic' | 'bottleneck', blocks: readonly [number, number, number, number], options: ResNetOptions = {}) {
    super();
    const { classes = 1000, inputChannels = 3, width = 64 } = options;
    const expansion = block === 'bottleneck' ? Bottleneck.expansion : 1;
    const makeStage = (index: 0 | 1 | 2 | 3): Sequential => {
      const channels = width * 2 ** index;
      const from = index === 0 ? width : (channels / 2) * expansion;
      return stage(blocks[index], { from, to: channels * expansion }, index === 0 ? 1 : 2, (inChannels, stride) =>
        makeBlock(block, inChannels, channels, { ...options, stride }),
      );
    };
    this.conv1 = new Conv2d(inputChannels, width, { kernelSize: 7, stride: 2, padding: 3, bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.layer1 = makeStage(0);
    this.layer2 = makeStage(1);
    this.layer3 = makeStage(2);
    this.layer4 = makeStage(3);
    this.fc = new Linear(width * 8 * expansion, classes);
  }

  forward(images: Tensor): Tensor {
    let x = relu(this.bn1.forward(this.conv1.forward(images))); // [n, 64, 112, 112]
    x = maxPool2d(x, { kernelSize: 3, stride: 2, padding: 1 }); // [n, 64, 56, 56]
    x = this.layer2.forward(this.layer1.forward(x)); // [n, 128 e, 28, 28], e = 4 with bottlenecks, else 1
    x = this.layer4.forward(this.layer3.forward(x)); // [n, 512 e, 7, 7]
    return this.fc.forward(flatten(globalAvgPool2d(x)));
  }
}

function makeBlock(
  kind: 'basic' | 'bottleneck',
  inChannels: number,
  channels: number,
  options: ResNetOptions & { stride: number },
): Module {
  return kind === 'basic' ? new BasicBlock(inChannels, channels, options) : new Bottleneck(inChannels, channels, options);
}

function builder(block: 'basic' | 'bottleneck', blocks: readonly [number, number, number, number], shortcut: Shortcut) {
  return (options: ResNetOptions = {}): ResNet => {
    const { seed = 0, weights } = options;
    return initialise({ seed, ...(weights && { weights }) }, () => new ResNet(block, blocks, { shortcut, ...options }));
  };
}

/** 18 layers of basic blocks, option B shortcuts: 11.7 M parameters, 1.8 G multiply-adds. */
export const resnet18 = builder('basic', [2, 2, 2, 2], 'B');
/** 34 layers of basic blocks, option B shortcuts: 21.8 M parameters, 3.6 G multiply-adds. */
export const resnet34 = builder('basic', [3, 4, 6, 3], 'B');
/** 50 layers of bottlenecks, option B shortcuts: 25.6 M parameters, in the paper 3.8 G multiply-adds. */
export const resnet50 = builder('bottleneck', [3, 4, 6, 3], 'B');
/** 101 layers of bottlenecks, option B shortcuts: 44.5 M parameters, in the paper 7.6 G multiply-adds. */
export const resnet101 = builder('bottleneck', [3, 4, 23, 3], 'B');
/** 152 layers of bottlenecks, option B shortcuts: 60.2 M parameters, in the paper 11.3 G multiply-adds. */
export const resnet152 = builder('bottleneck', [3, 8, 36, 3], 'B');
/** `resnet18` without shortcuts (fig. 3, middle, has 34 layers). */
export const plain18 = builder('basic', [2, 2, 2, 2], 'none');
/** `resnet34` without shortcuts (fig. 3, middle). */
export const plain34 = builder('basic', [3, 4, 6, 3], 'none');
