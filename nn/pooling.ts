/** Pooling layers; windows and options are those of the ops. */
import {
  type AvgPool2dOptions,
  avgPool2d,
  globalAvgPool2d,
  type MaxPool2dOptions,
  maxPool2d,
  type Tensor,
} from '../core/index.ts';
import { Module } from './module.ts';

/** The largest value of each window, [n, c, h, w] -> [n, c, y, x]. */
export class MaxPool2d extends Module {
  /** Takes the options of `maxPool2d`. */
  constructor(private readonly options: MaxPool2dOptions) {
    super();
  }

  forward(x: Tensor): Tensor {
    return maxPool2d(x, this.options);
  }
}

/** The mean of each window, [n, c, h, w] -> [n, c, y, x]. */
export class AvgPool2d extends Module {
  /** Takes the options of `avgPool2d`. */
  constructor(private readonly options: AvgPool2dOptions) {
    super();
  }

  forward(x: Tensor): Tensor {
    return avgPool2d(x, this.options);
  }
}

/** The mean of each channel, [n, c, h, w] -> [n, c, 1, 1], for any input size. */
export class GlobalAvgPool2d extends Module {
  forward(x: Tensor): Tensor {
    return globalAvgPool2d(x);
  }
}
