/** What an experiment leaves: table.md, table.json, curves.svg, and report.md, which has all of it. */
import { join } from 'node:path';
import { writeWhole } from '../disk/writeWhole.ts';
import { drawCurves } from '../training/index.ts';
import type { ArmResult, Experiment, Outcome, Verdict } from './experiment.ts';
import { curveName, drawResponses } from './responsePicture.ts';
import { trainingMinutes } from './statistics.ts';
import { markdownTable } from './table.ts';

/** What the report says about how the numbers came about. */
export interface Circumstances {
  /** What was asked for, such as "--preset evening --epochs 2". */
  readonly scale: string;
  /** Such as "2000 images of cifar10". */
  readonly images: string;
  readonly device: string;
  readonly machine: string;
  /** YYYY-MM-DD */
  readonly date: string;
}

/** table.json: everything that the other files are made of. */
export interface Report extends Circumstances {
  /** Its name. */
  readonly experiment: string;
  readonly outcome: Outcome;
  readonly verdict: readonly string[];
  readonly results: readonly ArmResult[];
}

/** Writes the files, and returns the paragraph of the verdict. */
export async function writeReport(
  directory: string,
  experiment: Experiment,
  results: readonly ArmResult[],
  circumstances: Circumstances,
): Promise<string> {
  const verdict = experiment.judge(results);
  const table = markdownTable(results);
  const json: Report = {
    experiment: experiment.name,
    ...circumstances,
    outcome: verdict.outcome,
    verdict: verdict.sentences,
    results,
  };
  const write = (name: string, text: string): void => writeWhole(join(directory, name), [text]);
  write('table.md', table);
  write('table.json', `${JSON.stringify(json, undefined, 2)}\n`);
  write('curves.svg', await picture(experiment, results));
  const paragraph = paragraphOf(experiment, verdict, results);
  write('report.md', reportText(experiment, circumstances, results, table, paragraph));
  return paragraph;
}

function picture({ responses }: Experiment, results: readonly ArmResult[]): Promise<string> {
  return responses
    ? drawResponses(results)
    : drawCurves(results.map((result) => ({ name: curveName(result, results), history: result.history })));
}

const ANSWERS: Readonly<Record<Outcome, string>> = {
  shown: 'The finding showed',
  'shown in part': 'The finding showed in part',
  'not shown': 'The finding did NOT show',
  open: 'The question is open',
};

/** Whether the finding showed, and why. */
export function paragraphOf({ finding }: Experiment, { outcome, sentences }: Verdict, results: readonly ArmResult[]): string {
  const seeds = new Set(results.map(({ seed }) => seed)).size;
  const spread =
    seeds === 1
      ? 'There is one seed, so how much seeds differ is not known.'
      : `Each number is the mean over ${seeds} seeds ± their standard deviation.`;
  return [`Paper: ${finding}. ${ANSWERS[outcome]}.`, ...sentences, spread].join(' ');
}

function reportText(
  { name, title, responses }: Experiment,
  { scale, images, device, machine, date }: Circumstances,
  results: readonly ArmResult[],
  table: string,
  paragraph: string,
): string {
  const alt = responses ? 'standard deviations of layer responses' : 'training and test error of all networks';
  return [
    `# ${title}`,
    `Made by \`experiment ${name} ${scale}\` on ${date}: ${images}, device ${device}, ${machine}; ${trainingMinutes(results)} minutes of training.`,
    table.trimEnd(),
    paragraph,
    `![${alt}](curves.svg)\n`,
  ].join('\n\n');
}
