import type { Shape } from '../../core/index.ts';
import type { Module } from '../../nn/index.ts';
import { constantsOf, foldBatchNorm } from './constants.ts';
import { nameGraph } from './graph.ts';
import { encodeModel } from './messages.ts';
import { recordTwice } from './recording.ts';
import { stepsOf } from './steps.ts';
import { translate } from './translate.ts';

/** Options of `exportOnnx`. */
export interface OnnxOptions {
  /** Of a batch of images, such as [1, 3, 32, 32]. The file takes any number of them. */
  readonly inputShape: Shape;
  /** Batch norm as nodes of its own, the default, or `folded` into the convolutions before it. */
  readonly batchNorm?: 'kept' | 'folded';
}

/**
 * A network as the bytes of an ONNX file, as it is in evaluation mode: input `images` [batch, ...], output `logits` [batch, ...], float32.
 * Constants have the names of the state dict, nodes those of the modules. Throws a sentence that names the op and its module where
 * there is no ONNX form. The network is recorded, not run; its mode stays what it is.
 */
export async function exportOnnx(model: Module, { inputShape, batchNorm = 'kept' }: OnnxOptions): Promise<Uint8Array> {
  const recording = recordTwice(model, inputShape);
  const recorded = stepsOf(recording);
  const constants = await constantsOf(model, recorded);
  const steps = batchNorm === 'folded' ? foldBatchNorm(recorded, constants, recording.output) : recorded;
  const { graph, output } = translate(recording, steps, constants);
  return encodeModel(nameGraph(graph, output));
}
