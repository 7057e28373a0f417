/** The curves of a saved run, from the lines of its metrics. */
import { parseMetrics } from 'tapegrad/training';
import type { TrainingEvent } from '../protocol.ts';

/** What happened up to a step. */
export function historyOf(metrics: string, lastStep: number, name: string): TrainingEvent[] {
  const { steps, epochs } = parseMetrics(metrics, name);
  const trained = steps.map((each): TrainingEvent => ({ kind: 'step', ...each }));
  const tested = epochs.map(
    ({ step, epoch, heldOut }): TrainingEvent => ({ kind: 'epoch', step, epoch, testError: heldOut?.error }),
  );
  return [...trained, ...tested].filter(({ step }) => step <= lastStep).sort((a, b) => a.step - b.step);
}
