/** What `train` says at the end. */
import { deviceName } from '../core/index.ts';
import type { Evaluation, Progress, RunSettings } from '../training/index.ts';
import type { RunOptions } from './options.ts';
import { formatSeconds, percent } from './progress.ts';

export interface RunReport {
  readonly settings: RunSettings;
  readonly options: RunOptions;
  /** Where this process began, and how far it came. */
  readonly from: Progress;
  readonly progress: Progress;
  /** Of every step of the run. */
  readonly losses: readonly number[];
  readonly test: Evaluation | undefined;
  readonly seconds: number;
}

export function reportRun(report: RunReport): void {
  console.log(report.options.json ? JSON.stringify(jsonOf(report)) : sentences(report).join('\n'));
}

function imagesPerSecond({ from, progress }: RunReport): number {
  const epochs = progress.history.slice(from.history.length);
  const total = (pick: (part: { seconds: number; images: number }) => number): number =>
    epochs.reduce(
      (sum, { seconds, imagesPerSecond: rate }) => sum + pick({ seconds, images: seconds * rate }),
      pick(progress.sums),
    );
  return total(({ seconds }) => seconds) === 0 ? 0 : total(({ images }) => images) / total(({ seconds }) => seconds);
}

function sentences(report: RunReport): string[] {
  const { progress, losses, test, seconds } = report;
  const steps = progress.step - report.from.step;
  const lastLoss = losses.at(-1)?.toFixed(4) ?? '-';
  return [
    `trained ${steps} steps, ${imagesPerSecond(report).toFixed(1)} images/s; last loss ${lastLoss}; ${formatSeconds(seconds)} in all`,
    ...(test === undefined ? [] : [`test: ${formatEvaluation(test)}`]),
    ...(progress.best === null ? [] : [`smallest error ${percent(progress.best.error)}, after step ${progress.best.step}`]),
  ];
}

export function formatEvaluation({ loss, top1, top5, count, imagesPerSecond: rate }: Evaluation): string {
  return `${count} images: top-1 ${percent(top1)}, top-5 ${percent(top5)}, loss ${loss.toFixed(4)} (${rate.toFixed(1)} images/s)`;
}

function jsonOf(report: RunReport): object {
  const { settings, options, progress, losses, test, seconds } = report;
  const { loss = null, top1 = null, top5 = null } = test ?? {};
  return {
    losses,
    loss,
    top1,
    top5,
    imagesPerSecond: imagesPerSecond(report),
    seconds,
    steps: progress.step,
    epochs: progress.epoch + (progress.batch > 0 ? 1 : 0),
    device: deviceName(),
    threads: options.threads ?? null,
    model: settings.model,
    best: progress.best,
    history: progress.history,
  };
}
