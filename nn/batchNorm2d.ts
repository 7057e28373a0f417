import { add, batchNorm, batchNormEvaluate, State, scale, type Tensor } from '../core/index.ts';
import { Module } from './module.ts';

/** Options of `BatchNorm2d`. */
export interface BatchNorm2dOptions {
  /** Added to the variance under the root; 1e-5 by default. */
  readonly epsilon?: number;
  /** Share of the new batch in the running statistics; 0.1 by default. */
  readonly momentum?: number;
  /** First value of gamma, 1 by default; 0 makes a residual block begin as its shortcut. */
  readonly gamma?: number;
}

/**
 * Batch normalisation over n, h and w (Ioffe and Szegedy, arXiv:1502.03167, algorithm 1), [n, c, h, w] -> [n, c, h, w]:
 *
 *     y = (x - mean) / sqrt(variance + epsilon) * gamma + beta
 *
 * In training with the batch's own mean and variance; they also move the running ones, with the unbiased variance as in PyTorch:
 * running = (1 - momentum) * running + momentum * batch. In evaluation with the running ones. weight is gamma, bias is beta, all [c].
 */
export class BatchNorm2d extends Module {
  /** gamma, [c]. */
  readonly weight: State;
  /** beta, [c]; begins at 0. */
  readonly bias: State;
  /** The running mean, [c]; begins at 0. */
  readonly runningMean: State;
  /** The running unbiased variance, [c]; begins at 1. */
  readonly runningVar: State;
  /** Added to the variance under the root. */
  readonly epsilon: number;
  private readonly momentum: number;

  /** For inputs of so many channels. */
  constructor(channels: number, { epsilon = 1e-5, momentum = 0.1, gamma = 1 }: BatchNorm2dOptions = {}) {
    super();
    const filled = (value: number): Float32Array => new Float32Array(channels).fill(value);
    this.weight = new State(filled(gamma), { label: 'weight', trainable: true });
    this.bias = new State(filled(0), { label: 'bias', trainable: true });
    this.runningMean = new State(filled(0), { label: 'running_mean' });
    this.runningVar = new State(filled(1), { label: 'running_var' });
    this.epsilon = epsilon;
    this.momentum = momentum;
  }

  forward(x: Tensor): Tensor {
    const [gamma, beta, options] = [this.weight.read(), this.bias.read(), { epsilon: this.epsilon }];
    if (!this.training) return batchNormEvaluate(x, this.runningMean.read(), this.runningVar.read(), gamma, beta, options);
    const { output, mean, variance } = batchNorm(x, gamma, beta, options);
    const count = x.size / x.shape[1]!;
    this.follow(this.runningMean, mean);
    this.follow(this.runningVar, scale(variance, count / (count - 1)));
    return output;
  }

  /** Rides along with the next flush: assigning starts none. */
  private follow(running: State, batch: Tensor): void {
    running.assign(add(scale(running.read(), 1 - this.momentum), scale(batch, this.momentum)));
  }
}
