/** Layers without parameters, for use in a Sequential. */
import { flatten, relu, type Tensor } from '../core/index.ts';
import { Module } from './module.ts';

/** max(x, 0), any shape. */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return relu(x);
  }
}

/** [n, c, h, w] -> [n, c * h * w] */
export class Flatten extends Module {
  forward(x: Tensor): Tensor {
    return flatten(x);
  }
}

/** x, any shape. */
export class Identity extends Module {
  forward(x: Tensor): Tensor {
    return x;
  }
}
