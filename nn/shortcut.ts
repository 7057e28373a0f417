/**
 * The paper's shortcuts (arXiv:1512.03385, sec. 3.3, "Residual Network", and sec. 4.1, table 3).
 */
import { pad, slice, type Tensor } from '../core/index.ts';
import { BatchNorm2d } from './batchNorm2d.ts';
import { Conv2d } from './conv2d.ts';
import { Module } from './module.ts';
import { Sequential } from './sequential.ts';

/** A: identity without parameters; B: a projection where shapes differ; C: projections everywhere; none: a plain network. */
export type Shortcut = 'A' | 'B' | 'C' | 'none';

/** What a block does to x before adding it: undefined for the identity, and for no shortcut at all. */
export function shortcutModule(kind: Shortcut, inChannels: number, outChannels: number, stride: number): Module | undefined {
  const fits = stride === 1 && inChannels === outChannels;
  if (kind === 'none' || (fits && kind !== 'C')) return undefined;
  return kind === 'A' ? new PaddedIdentity(inChannels, outChannels, stride) : projection(inChannels, outChannels, stride);
}

/** Option A: every stride-th row and column from the first on, then zero channels, half before x's channels and half after. */
export class PaddedIdentity extends Module {
  /** Throws a RangeError for fewer output than input channels. */
  constructor(
    private readonly inChannels: number,
    private readonly outChannels: number,
    private readonly stride: number,
  ) {
    super();
    if (inChannels > outChannels)
      throw new RangeError(`shortcut A adds zero channels and cannot go from ${inChannels} to ${outChannels}; use B or C`);
  }

  forward(x: Tensor): Tensor {
    const { stride } = this;
    const missing = this.outChannels - this.inChannels;
    const before = Math.floor(missing / 2);
    const sampled = stride === 1 ? x : slice(x, [{}, {}, { step: stride }, { step: stride }]); // x[:, :, ::s, ::s]
    return pad(sampled, [
      [0, 0],
      [before, missing - before],
      [0, 0],
      [0, 0],
    ]); // [n, o, h / s, w / s]
  }
}

/** Eq. 2: W_s x, a 1x1 convolution with the block's stride and batch norm: `downsample.0`, `downsample.1`. */
function projection(inChannels: number, outChannels: number, stride: number): Module {
  return new Sequential(
    new Conv2d(inChannels, outChannels, { kernelSize: 1, stride, bias: false }),
    new BatchNorm2d(outChannels),
  );
}
