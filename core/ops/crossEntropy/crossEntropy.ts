/**
 * Cross-entropy of logits against integer labels, a formula on logSoftmax and gatherByLabel:
 *
 *     p[n,c]  = logSoftmax(logits)[n,c]
 *     loss[n] = -(1 - s) p[n, labels[n]] - s / c sum_c p[n,c]        s the label smoothing
 *
 * Smoothing mixes the label with the uniform distribution over classes: Szegedy et al., Rethinking the Inception Architecture,
 * arXiv 1512.00567, section 7.
 */
import { formatShape, ShapeError } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { checkLabels, gatherByLabel } from '../gather/gather.ts';
import { logSoftmax } from '../logSoftmax/logSoftmax.ts';
import { scale } from '../pointwise/arithmetic.ts';
import { add } from '../pointwise/pointwise.ts';
import { mean } from '../reduce/statistics.ts';
import { sum } from '../reduce/sum.ts';

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions {
  /** Weight of the uniform distribution, from 0 (none, the default) to 1. */
  readonly labelSmoothing?: number;
  /** What is returned of the losses of the rows: their mean (the default), their sum, or all of them. */
  readonly reduction?: 'mean' | 'sum' | 'none';
}

/**
 * The cross-entropy of logits [n, c] against labels [n], integers from 0 to c - 1, as PyTorch's cross_entropy: a scalar, or [n]
 * with reduction 'none'. Throws a ShapeError for other shapes, a label that is no class, and options out of range.
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { labelSmoothing = 0, reduction = 'mean' } = options;
  checkOptions(logits, labels, labelSmoothing, reduction);
  checkLabels('crossEntropy', { name: 'logits', shape: logits.shape }, labels);
  const p = logSoftmax(logits, 1); // [n, c]
  const picked = scale(gatherByLabel(p, labels), labelSmoothing - 1); // [n]
  const losses = labelSmoothing === 0 ? picked : add(picked, scale(mean(p, 1), -labelSmoothing)); // [n]
  if (reduction === 'none') return losses;
  return reduction === 'sum' ? sum(losses) : mean(losses);
}

function checkOptions(logits: Tensor, labels: Tensor, labelSmoothing: number, reduction: string): void {
  const shapes = `logits ${formatShape(logits.shape)}, labels ${formatShape(labels.shape)}`;
  const fail = (problem: string): never => {
    throw new ShapeError('crossEntropy', `${problem} (${shapes})`, [logits.shape, labels.shape]);
  };
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) fail(`labelSmoothing ${labelSmoothing} given; it needs to be from 0 to 1`);
  if (!['mean', 'sum', 'none'].includes(reduction)) fail(`reduction ${reduction} given; it needs to be mean, sum or none`);
}
