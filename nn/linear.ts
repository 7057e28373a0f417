import { add, matmul, State, type Tensor } from '../core/index.ts';
import { initialWeight } from './initialise.ts';
import { Module } from './module.ts';

/** [n, i] -> [n, o]: y = x w^T + b. Weight [o, i], He normal; bias [o], zero. */
export class Linear extends Module {
  /** [o, i] */
  readonly weight: State;
  /** [o]; undefined without bias. */
  readonly bias: State | undefined;

  /** From i to o features; `bias` is true by default. */
  constructor(inFeatures: number, outFeatures: number, { bias = true }: { readonly bias?: boolean } = {}) {
    super();
    const shape = [outFeatures, inFeatures];
    this.weight = new State(initialWeight(shape), { shape, label: 'weight', trainable: true });
    this.bias = bias ? new State(new Float32Array(outFeatures), { label: 'bias', trainable: true }) : undefined;
  }

  forward(x: Tensor): Tensor {
    const y = matmul(x, this.weight.read(), { transposeB: true });
    return this.bias === undefined ? y : add(y, this.bias.read());
  }
}
