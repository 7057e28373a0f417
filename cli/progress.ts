/** What a person sees while it runs: a bar on a terminal, a plain line now and then elsewhere. Both go to the error stream. */
import cliProgress from 'cli-progress';
import type { EpochRecord, StepReport } from '../training/index.ts';

export interface Progress {
  /** `done` steps of `total`; values are shown behind the bar. `left` are seconds, where the caller knows better than the bar. */
  update(done: number, values: Readonly<Record<string, string>>, left?: number): void;
  stop(): void;
}

/** Without a terminal a line appears at most this often. */
const LINE_INTERVAL_MS = 5000;

export function progressBar(name: string, total: number, columns: readonly string[]): Progress {
  return process.stderr.isTTY ? terminalBar(name, total, columns) : plainLines(name, total);
}

function terminalBar(name: string, total: number, columns: readonly string[]): Progress {
  const shown = columns.map((column) => `${column} {${key(column)}}`).join('  ');
  const format = `${name} {bar} {value}/{total}  ${shown}  {left} left`;
  const bar = new cliProgress.SingleBar(
    { format, barsize: 24, hideCursor: true, clearOnComplete: true, stream: process.stderr },
    cliProgress.Presets.shades_classic,
  );
  const started = performance.now();
  bar.start(total, 0, { left: '?', ...Object.fromEntries(columns.map((column) => [key(column), '?'])) });
  return {
    update: (done, values, left) =>
      bar.update(done, {
        left: formatSeconds(left ?? secondsLeft(started, done, total)),
        ...Object.fromEntries(Object.entries(values).map(([column, value]) => [key(column), value])),
      }),
    stop: () => bar.stop(),
  };
}

const key = (column: string): string => column.replace(/\W/g, '_');

function plainLines(name: string, total: number): Progress {
  const started = performance.now();
  let last = Number.NEGATIVE_INFINITY;
  return {
    update: (done, values, left) => {
      if (done < total && performance.now() - last < LINE_INTERVAL_MS) return;
      last = performance.now();
      const shown = Object.entries(values).map(([column, value]) => `${column} ${value}`);
      const rest = formatSeconds(left ?? secondsLeft(started, done, total));
      console.error([`${name} ${done}/${total}`, ...shown, `${rest} left`].join('  '));
    },
    stop: () => undefined,
  };
}

const secondsLeft = (started: number, done: number, total: number): number =>
  done === 0 ? Number.NaN : (((performance.now() - started) / done) * (total - done)) / 1000;

/** 42 s, 3 min 5 s, 2 h 10 min; ? for what is not known. */
export function formatSeconds(value: number): string {
  if (!Number.isFinite(value)) return '?';
  const seconds = Math.round(value);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const percent = (fraction: number): string => `${(100 * fraction).toFixed(2)} %`;

export interface EpochBars {
  step(report: StepReport): void;
  /** Takes the bar away that an interrupted epoch has left. */
  stop(): void;
}

/** A bar for each epoch, with the time that is left of the whole run. */
export function epochBars(totalSteps: number): EpochBars {
  const started = performance.now();
  let bar: Progress | undefined;
  let [epoch, taken] = [0, 0];
  return {
    step: (report) => {
      if (report.epoch !== epoch) {
        bar?.stop();
        bar = progressBar(`epoch ${report.epoch}`, report.stepsPerEpoch, ['loss', 'error', 'images/s']);
        epoch = report.epoch;
      }
      taken += 1;
      const left = ((performance.now() - started) / taken / 1000) * (totalSteps - report.step);
      const values = {
        loss: report.loss.toFixed(3),
        error: `${(100 * (1 - report.correct / report.images)).toFixed(0)} %`,
        'images/s': report.imagesPerSecond.toFixed(1),
      };
      bar?.update(report.stepInEpoch, values, left);
      if (report.stepInEpoch === report.stepsPerEpoch || report.step === totalSteps) bar?.stop();
    },
    stop: () => bar?.stop(),
  };
}

/** The line of an epoch that stays. */
export function formatEpoch({
  epoch,
  step,
  learningRate,
  trainLoss,
  trainError,
  heldOut,
  imagesPerSecond,
  seconds,
}: EpochRecord): string {
  return [
    `epoch ${epoch} (${step} steps)`,
    `training loss ${trainLoss.toFixed(4)}, error ${percent(trainError)}`,
    ...(heldOut === null ? [] : [`${heldOut.split} loss ${heldOut.loss.toFixed(4)}, error ${percent(heldOut.error)}`]),
    `rate ${Number(learningRate.toPrecision(3))}`,
    `${imagesPerSecond.toFixed(1)} images/s`,
    formatSeconds(seconds),
  ].join('  ');
}
