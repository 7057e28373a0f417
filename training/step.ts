/** One training step: forward, loss, backward, update, and the loss and the number of right answers read back. */
import { scale, type Tensor } from '../core/index.ts';
import type { Batch } from '../data/index.ts';
import { accuracy, crossEntropy, type Module } from '../nn/index.ts';
import type { SGD } from '../optim/index.ts';

/** How the images of a step were answered. */
export interface StepScores {
  /** Mean over the images, with the weights from before the step. */
  readonly loss: number;
  /** Right answers. */
  readonly correct: number;
  /** Images that it saw. */
  readonly images: number;
}

/** Options of `trainStep`. */
export interface StepOptions {
  /** From 0 (none, the default) to 1. */
  readonly labelSmoothing?: number;
  /** Called with the loss of each part, recorded but not run. */
  readonly onRecord?: (loss: Tensor) => void;
}

/**
 * Takes one step over one batch in several parts: each part's loss counts by its share of the images, so the gradient is that of the
 * whole batch but for batch norm, which normalises each part by itself. Each part is a plan of its own, so only one is in memory.
 * Throws where a part's loss is not finite, before anything more is recorded.
 */
export async function trainStep(
  model: Module,
  optimizer: SGD,
  parts: readonly Batch[],
  { labelSmoothing = 0, onRecord }: StepOptions = {},
): Promise<StepScores> {
  const images = parts.reduce((sum, { labels }) => sum + labels.size, 0);
  const scores = { loss: 0, correct: 0, images };
  optimizer.zeroGrad();
  for (const [k, part] of parts.entries()) {
    const share = part.labels.size / images;
    const logits = model.forward(part.images);
    const loss = crossEntropy(logits, part.labels, { labelSmoothing });
    onRecord?.(loss);
    (share === 1 ? loss : scale(loss, share)).backward();
    const step = k === parts.length - 1 ? optimizer.step() : undefined;
    const [value, right] = await Promise.all([loss.item(), accuracy(logits, part.labels), step]);
    if (!Number.isFinite(value)) throw new LossError(value);
    scores.loss += value * share;
    scores.correct += Math.round(right * part.labels.size);
  }
  return scores;
}

/** A loss that is NaN or infinite. */
export class LossError extends Error {
  override readonly name = 'LossError';

  constructor(readonly loss: number) {
    super(`the loss is ${loss}`);
  }
}
