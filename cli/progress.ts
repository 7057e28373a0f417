/** What a person sees while it runs: a bar on a terminal, a plain line now and then elsewhere. Both go to the error stream. */
import cliProgress from 'cli-progress';

export interface Progress {
  /** `done` steps of `total`; values are shown behind the bar. */
  update(done: number, values: Readonly<Record<string, string>>): void;
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
    { format, barsize: 24, hideCursor: true, clearOnComplete: false, stream: process.stderr },
    cliProgress.Presets.shades_classic,
  );
  const started = performance.now();
  bar.start(total, 0, { left: '?', ...Object.fromEntries(columns.map((column) => [key(column), '?'])) });
  return {
    update: (done, values) =>
      bar.update(done, {
        left: timeLeft(started, done, total),
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
    update: (done, values) => {
      if (done < total && performance.now() - last < LINE_INTERVAL_MS) return;
      last = performance.now();
      const shown = Object.entries(values).map(([column, value]) => `${column} ${value}`);
      console.error([`${name} ${done}/${total}`, ...shown, `${timeLeft(started, done, total)} left`].join('  '));
    },
    stop: () => undefined,
  };
}

function timeLeft(started: number, done: number, total: number): string {
  if (done === 0) return '?';
  const seconds = Math.round((((performance.now() - started) / done) * (total - done)) / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
