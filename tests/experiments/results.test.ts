/** The results in docs/results are what `experiment` made of the numbers in their table.json, and the README shows them as they are. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EXPERIMENTS, type Report, writeReport } from '../../experiments/index.ts';
import { trainingMinutes } from '../../experiments/statistics.ts';
import { ROOT } from '../cli/run.ts';

const RESULTS = join(ROOT, 'docs/results');
const FILES = ['report.md', 'table.md', 'table.json', 'curves.svg'];
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const read = (name: string, file: string): string => readFileSync(join(RESULTS, name, file), 'utf8');

/** As in the README's table of results. */
function rowOf(name: string, { scale, images, date, outcome, results }: Report): string {
  const cells = [`[${name}](docs/results/${name}/report.md)`, `\`${scale}\`, ${images}`, date, trainingMinutes(results), outcome];
  return `| ${cells.join(' | ')} |`;
}

describe.each(readdirSync(RESULTS))('%s', (name) => {
  it('is made of its numbers', async () => {
    const {
      experiment: title,
      outcome: _,
      verdict: __,
      results,
      ...circumstances
    }: Report = JSON.parse(read(name, 'table.json'));
    const directory = mkdtempSync(join(tmpdir(), 'tapegrad-results-'));
    try {
      await writeReport(directory, EXPERIMENTS.find((each) => each.name === title)!, results, circumstances);
      // Where wording or drawing has changed: npx vitest run tests/experiments/results.test.ts -u
      for (const file of FILES)
        await expect(readFileSync(join(directory, file), 'utf8')).toMatchFileSnapshot(join(RESULTS, name, file));
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
  it('has its row in the README', () => expect(readme).toContain(rowOf(name, JSON.parse(read(name, 'table.json')))));
});

it('the README shows degradation on all of CIFAR-10 as the command reported it', () => {
  const [, made, table, paragraph] = read('degradation-cifar10', 'report.md').split('\n\n');
  for (const part of [made, table, paragraph]) expect(readme).toContain(part);
});
