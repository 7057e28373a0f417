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

export interface ModelOptions {
  readonly classes?: number;
  readonly inputChannels?: number;
  /** Channels of the first stage; the others follow. */
  readonly width?: number;
  readonly shortcut?: Shortcut;
  /** Begins every block as its shortcut. */
  readonly zeroGamma?: boolean;
  readonly seed?: number;
  /** How weights are drawn; He normal, fan in. */
  readonly weights?: Initialiser;
}

export interface ResNetOptions extends ModelOptions {
  /** Of bottlenecks: torchvision's place for the stride, or the paper's. */
  readonly strideOn?: '3x3' | '1x1';
}

/** [n, 3, h, w] -> [n, classes]; h and w from 32 on, 224 in the paper. */
export class ResNet extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly layer4: Sequential;
  readonly fc: Linear;

  /** `blocks` holds the number of blocks of each stage. */
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

export const resnet18 = builder('basic', [2, 2, 2, 2], 'B');
export const resnet34 = builder('basic', [3, 4, 6, 3], 'B');
export const resnet50 = builder('bottleneck', [3, 4, 6, 3], 'B');
export const resnet101 = builder('bottleneck', [3, 4, 23, 3], 'B');
export const resnet152 = builder('bottleneck', [3, 8, 36, 3], 'B');
/** Without shortcuts (fig. 3, middle). */
export const plain18 = builder('basic', [2, 2, 2, 2], 'none');
export const plain34 = builder('basic', [3, 4, 6, 3], 'none');
