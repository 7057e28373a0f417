/** The results of an experiment as a table of Markdown, a row for each arm. */
import type { ArmResult } from './experiment.ts';
import { armNames, formatShare, imagesPerSecond, mean, runsOf, testError, trainingError } from './statistics.ts';

const HEAD = ['network', 'seeds', 'parameters', 'multiply-adds', 'training error', 'test error', 'images/s'];

/** With a column of mean responses where they were measured. */
export function markdownTable(results: readonly ArmResult[]): string {
  const measured = results.some(({ responses }) => responses !== null);
  const rows = armNames(results).map((name) => [...rowOf(results, name), ...(measured ? [responseOf(results, name)] : [])]);
  const head = measured ? [...HEAD, 'mean response'] : HEAD;
  const rule = head.map((_, k) => (k === 0 ? '---' : '---:'));
  return `${[head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')}\n`;
}

function rowOf(results: readonly ArmResult[], name: string): string[] {
  const runs = runsOf(results, name);
  const test = testError(results, name);
  const diverged = runs.filter((run) => run.diverged !== null).length;
  return [
    name,
    runs.map(({ seed }) => seed).join(', '),
    runs[0]!.parameters.toLocaleString('en-US'),
    runs[0]!.multiplyAdds.toLocaleString('en-US'),
    diverged === 0 ? formatShare(trainingError(results, name)) : `diverged (${diverged} of ${runs.length})`,
    test === undefined || diverged > 0 ? '-' : formatShare(test),
    imagesPerSecond(runs).toFixed(0),
  ];
}

function responseOf(results: readonly ArmResult[], name: string): string {
  const values = runsOf(results, name).flatMap(({ responses }) => responses?.map(({ std }) => std) ?? []);
  return values.length === 0 ? '-' : mean(values).toFixed(3);
}
