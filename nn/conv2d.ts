import { add, type Conv2dOptions, conv2d, reshape, State, type Tensor } from '../core/index.ts';
import { initialWeight } from './initialise.ts';
import { Module } from './module.ts';

/** Options of `Conv2d`: those of the op, the kernel's size, and whether there is a bias. */
export interface Conv2dLayerOptions extends Conv2dOptions {
  /** Rows and columns of the kernel: a number for both, or [vertical, horizontal]. */
  readonly kernelSize: number | readonly [number, number];
  /** True unless said otherwise, as in PyTorch; a convolution before batch norm needs none. */
  readonly bias?: boolean;
}

/** [n, c, h, w] -> [n, o, y, x]: y[n, o] = sum_c x[n, c] * w[o, c] + b[o]. Weight [o, c / groups, i, j], He normal; bias [o], zero. */
export class Conv2d extends Module {
  /** [o, c / groups, i, j] */
  readonly weight: State;
  /** [o]; undefined without bias. */
  readonly bias: State | undefined;
  private readonly options: Conv2dOptions;

  /** Throws a RangeError where the channels do not divide into the groups. */
  constructor(inChannels: number, outChannels: number, { kernelSize, bias = true, ...options }: Conv2dLayerOptions) {
    super();
    const groups = options.groups ?? 1;
    if (inChannels % groups !== 0 || outChannels % groups !== 0)
      throw new RangeError(`Conv2d: ${inChannels} input and ${outChannels} output channels do not divide into ${groups} groups`);
    const kernel = typeof kernelSize === 'number' ? [kernelSize, kernelSize] : kernelSize;
    const shape = [outChannels, inChannels / groups, ...kernel];
    this.weight = new State(initialWeight(shape), { shape, label: 'weight', trainable: true });
    this.bias = bias ? new State(new Float32Array(outChannels), { label: 'bias', trainable: true }) : undefined;
    this.options = options;
  }

  forward(x: Tensor): Tensor {
    const y = conv2d(x, this.weight.read(), this.options);
    return this.bias === undefined ? y : add(y, reshape(this.bias.read(), [-1, 1, 1])); // [n, o, y, x] + [o, 1, 1]
  }
}
