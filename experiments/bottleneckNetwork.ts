/** The CIFAR networks with bottlenecks in place of basic blocks, as the paper makes 50 layers of 34 (arXiv:1512.03385, sec. 4.1). */
import { flatten, globalAvgPool2d, relu, type Tensor } from '../core/index.ts';
import { stage } from '../models/stage.ts';
import { BatchNorm2d, Bottleneck, Conv2d, Linear, Module, type Sequential, type Shortcut } from '../nn/index.ts';

export interface BottleneckOptions {
  /** Of each of the three stages; 9 blocks + 2 layers in all. */
  readonly blocks: number;
  readonly shortcut: Shortcut;
  readonly classes: number;
  /** Inner channels of the first stage. */
  readonly width: number;
}

/**
 * [n, 3, 32, 32] -> [n, classes]. A block of inner width c has 4 c^2 + 9 c^2 + 4 c^2 = 17 c^2 multiply-adds a pixel, a basic block of that
 * width 18 c^2 (fig. 5). A projection between the wide ends would add 16 c^2.
 */
export class BottleneckResNet extends Module {
  readonly conv1: Conv2d;
  readonly bn1: BatchNorm2d;
  readonly layer1: Sequential;
  readonly layer2: Sequential;
  readonly layer3: Sequential;
  readonly linear: Linear;

  constructor({ blocks, shortcut, classes, width }: BottleneckOptions) {
    super();
    const makeStage = (from: number, inner: number, stride: number): Sequential =>
      stage(
        blocks,
        { from, to: inner * Bottleneck.expansion },
        stride,
        (inChannels, s) => new Bottleneck(inChannels, inner, { shortcut, stride: s }),
      );
    this.conv1 = new Conv2d(3, width, { kernelSize: 3, padding: 1, bias: false });
    this.bn1 = new BatchNorm2d(width);
    this.layer1 = makeStage(width, width, 1);
    this.layer2 = makeStage(width * 4, width * 2, 2);
    this.layer3 = makeStage(width * 8, width * 4, 2);
    this.linear = new Linear(width * 16, classes);
  }

  forward(images: Tensor): Tensor {
    let x = relu(this.bn1.forward(this.conv1.forward(images))); // [n, 16, 32, 32]
    x = this.layer1.forward(x); // [n, 64, 32, 32]
    x = this.layer2.forward(x); // [n, 128, 16, 16]
    x = this.layer3.forward(x); // [n, 256, 8, 8]
    return this.linear.forward(flatten(globalAvgPool2d(x)));
  }
}
