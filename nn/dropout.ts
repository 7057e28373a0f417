import { dropout, type Tensor, tensor } from '../core/index.ts';
import { nextGenerator } from './initialise.ts';
import { Module } from './module.ts';

/**
 * In training each value is 0 with the given probability and the others grow by 1 / (1 - probability); in evaluation x itself. Any
 * shape. The random key is a feed drawn from the network's seed, so every step has a new mask and the same plan.
 */
export class Dropout extends Module {
  private readonly random = nextGenerator();

  constructor(private readonly probability = 0.5) {
    super();
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.probability === 0) return x;
    const key = tensor([this.random.next() >>> 20, this.random.next() >>> 20]); // 12 bits each, as the op asks
    return dropout(x, { probability: this.probability, key });
  }
}
