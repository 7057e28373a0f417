/** Running an evaluation with a bar. */
import type { Module } from '../nn/index.ts';
import { type Evaluation, evaluate } from '../training/index.ts';
import type { EvaluationData } from './images.ts';
import { percent, progressBar } from './progress.ts';

/** Gives undefined where the signal ended it. */
export async function evaluateUnlessStopped(
  model: Module,
  data: EvaluationData,
  signal: AbortSignal,
): Promise<Evaluation | undefined> {
  try {
    return await evaluateAll([model], data, signal);
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

/** Evaluates one or several models together, with a bar. */
export async function evaluateAll(models: readonly Module[], data: EvaluationData, signal?: AbortSignal): Promise<Evaluation> {
  const passes = data.passes();
  const bar = progressBar('evaluating', passes[0]!.length, ['top-1', 'images/s']);
  try {
    return await evaluate(models, passes, {
      classes: data.classes.length,
      viewsPerImage: data.viewsPerImage,
      ...(signal && { signal }),
      onBatch: (batches, { count, top1, imagesPerSecond }) =>
        bar.update(batches, { 'top-1': count === 0 ? '?' : percent(top1), 'images/s': imagesPerSecond.toFixed(1) }),
    });
  } finally {
    bar.stop();
  }
}
