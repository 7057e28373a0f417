/** Errors over seeds, and how much of a difference between two of them is chance. */
import type { ArmResult } from './experiment.ts';

/** A share over several runs. */
export interface Share {
  readonly mean: number;
  /** Standard deviation over the runs; 0 for a single one. */
  readonly spread: number;
  readonly runs: number;
  /** Standard error of the mean: that of counting so many images, or that of the spread, whichever is larger. */
  readonly uncertainty: number;
}

/** A difference counts when it is larger than so many standard errors. */
const STANDARD_ERRORS = 2;

export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export function shareOf(values: readonly number[], images: number): Share {
  const runs = values.length;
  const middle = mean(values);
  const spread = runs < 2 ? 0 : Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (runs - 1));
  const counting = Math.sqrt((middle * (1 - middle)) / (images * runs));
  return { mean: middle, spread, runs, uncertainty: Math.max(counting, spread / Math.sqrt(runs)) };
}

/** The smallest sum or difference of these shares that is not put down to chance. */
export function margin(...shares: readonly Share[]): number {
  return STANDARD_ERRORS * Math.sqrt(shares.reduce((sum, { uncertainty }) => sum + uncertainty ** 2, 0));
}

/** The results of one arm. Throws where there are none: a verdict has asked for an arm that the experiment does not have. */
export function runsOf(results: readonly ArmResult[], name: string): ArmResult[] {
  const runs = results.filter((result) => result.name === name);
  if (runs.length === 0) throw new Error(`the experiment has no results of ${name}; carry it out with that network`);
  return runs;
}

/** The names of all arms, in their order. */
export const armNames = (results: readonly ArmResult[]): string[] => [...new Set(results.map(({ name }) => name))];

/** Over the last epoch, each image seen by the weights of its step. A run that diverged answers by chance. */
export function trainingError(results: readonly ArmResult[], name: string): Share {
  const runs = runsOf(results, name);
  return shareOf(
    runs.map((run) => (run.diverged === null ? (run.history.at(-1)?.trainError ?? chance(run)) : chance(run))),
    runs[0]!.trainingImages,
  );
}

/** Of the weights at the end; undefined without test images. */
export function testError(results: readonly ArmResult[], name: string): Share | undefined {
  const runs = runsOf(results, name);
  const errors = runs.flatMap((run) => (run.diverged === null ? (run.history.at(-1)?.heldOut?.error ?? []) : chance(run)));
  return errors.length < runs.length || runs[0]!.testImages === 0 ? undefined : shareOf(errors, runs[0]!.testImages);
}

/** The error of answers that know nothing. */
export const chance = ({ classes }: Pick<ArmResult, 'classes'>): number => 1 - 1 / classes;

/** Minutes of training in all runs, to a tenth. */
export function trainingMinutes(runs: readonly ArmResult[]): string {
  return (runs.flatMap(({ history }) => history).reduce((sum, { seconds }) => sum + seconds, 0) / 60).toFixed(1);
}

/** Of training, over all epochs of all runs. */
export function imagesPerSecond(runs: readonly ArmResult[]): number {
  const epochs = runs.flatMap(({ history }) => history);
  const seconds = epochs.reduce((sum, epoch) => sum + epoch.seconds, 0);
  return seconds === 0 ? 0 : epochs.reduce((sum, epoch) => sum + epoch.seconds * epoch.imagesPerSecond, 0) / seconds;
}

/** 12.34 %, or 12.34 ± 0.50 % over several runs. */
export function formatShare({ mean: middle, spread, runs }: Share): string {
  return runs < 2 ? `${percentage(middle)} %` : `${percentage(middle)} ± ${percentage(spread)} %`;
}

/** A difference of shares. */
export const points = (difference: number): string => `${difference < 0 ? '-' : '+'}${percentage(Math.abs(difference))} points`;

/** The size of a difference. */
export const amount = (difference: number): string => `${percentage(Math.abs(difference))} points`;

const percentage = (share: number): string => (100 * share).toFixed(2);
