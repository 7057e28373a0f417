/** `evaluate`: loss, top-1 and top-5 of one model or several together on a split, with exact counts whatever the batch size divides. */
import { type Command, Option } from 'commander';
import { deviceName, useDevice } from '../core/index.ts';
import { buildNetwork, readSafetensors } from '../models/index.ts';
import { type Module, zeroWeights } from '../nn/index.ts';
import {
  checkStd,
  type Evaluation,
  IMAGENET_PIXELS,
  type Normalisation,
  type RunSettings,
  resolveSettings,
} from '../training/index.ts';
import { readMean, runOf, type Which, weightsOf, whichOption } from './checkpoints.ts';
import { openTestData } from './datasets.ts';
import { evaluateAll } from './evaluation.ts';
import type { Split, Views } from './images.ts';
import { addDataOptions, chosenNetwork, type DataOptions, numberList } from './options.ts';
import { formatEvaluation } from './report.ts';
import { formatTable } from './table.ts';

type EvaluateOptions = DataOptions & {
  readonly weights?: string[];
  readonly checkpoint?: string[];
  readonly which: Which;
  readonly split: Split;
  readonly views: Views;
  readonly scales?: number[];
  readonly confusion?: boolean;
};

/** Images at a time without --batch-size. */
const BATCH = 100;

export function addEvaluateCommand(program: Command): void {
  addDataOptions(program.command('evaluate').description('evaluate a model, or the mean of several'), String(BATCH))
    .addOption(new Option('--weights <files...>', 'safetensors files with PyTorch names').conflicts('checkpoint'))
    .addOption(
      new Option(
        '--checkpoint <directories...>',
        'what train --out wrote, instead of --weights; its settings hold where none are given',
      ),
    )
    .addOption(whichOption())
    .addOption(new Option('--split <name>', 'which images').choices(['train', 'test']).default('test'))
    .addOption(
      new Option('--views <name>', 'imagefolder: one crop, ten, or whole pictures at several scales')
        .choices(['single', 'ten-crop', 'multi-scale'])
        .default('single'),
    )
    .addOption(
      new Option('--scales <pixels>', 'views multi-scale: shorter sides (default: 224,256,384,480,640)').argParser(
        numberList(32),
      ),
    )
    .addOption(new Option('--confusion', 'print which class was taken for which'))
    .action(runEvaluate);
}

/** One of the networks that are asked together. */
interface Member {
  readonly file: string;
  readonly settings: RunSettings;
  readonly normalisation: Normalisation;
}

async function runEvaluate(chosen: EvaluateOptions): Promise<void> {
  const members = membersOf(chosen);
  const { settings, normalisation } = members[0]!;
  const data = openTestData(
    { ...settings, limit: chosen.limit ?? null, batchSize: chosen.batchSize ?? BATCH },
    normalisation,
    chosen,
    {
      split: chosen.split,
      views: chosen.views,
      ...(chosen.scales && { scales: chosen.scales }),
    },
  );
  try {
    const models = members.map((member) => load(member, data.classes.length));
    await useDevice(chosen.device, { ...(chosen.threads !== undefined && { threads: chosen.threads }) });
    const { confusion, ...result } = await evaluateAll(models, data);
    const shown = chosen.confusion ? { confusion } : {};
    if (chosen.json) console.log(JSON.stringify({ ...result, ...shown, device: deviceName(), models: models.length }));
    else
      console.log(
        [
          formatEvaluation({ ...result, confusion }),
          ...(chosen.confusion ? [formatConfusion(confusion, data.classes)] : []),
        ].join('\n'),
      );
  } finally {
    await data.close();
  }
}

function load({ file, settings }: Member, classes: number): Module {
  const model = buildNetwork(settings, { classes, weights: zeroWeights });
  model.loadStateDict(readSafetensors(file));
  return model;
}

function membersOf(chosen: EvaluateOptions): Member[] {
  const { weights, checkpoint } = chosen;
  if (weights === undefined && checkpoint === undefined) throw new Error('evaluate needs --weights FILE or --checkpoint DIR');
  const members = checkpoint?.map((directory) => memberOf(directory, chosen)) ?? weights!.map((file) => withoutRun(file, chosen));
  const [first, ...others] = members.map(({ settings: { dataset, data, size }, normalisation: { mean, std } }) =>
    JSON.stringify([dataset, data, size, [...('shape' in mean ? mean.data : mean)], std]),
  );
  if (others.some((other) => other !== first))
    throw new Error(
      'the runs given differ in data set, size, --mean or --std, but models are asked together about the same pixels; give runs that agree, or the options',
    );
  return members;
}

/** A run's own settings, but for what was given. */
function memberOf(directory: string, chosen: EvaluateOptions): Member {
  const file = weightsOf(directory, chosen.which);
  const run = runOf(directory);
  if (run === undefined) return withoutRun(file, chosen);
  const stored = run.settings();
  const settings = { ...stored, ...chosenNetwork(chosen, stored), ...given(chosen) };
  const mean = chosen.mean ?? readMean(run) ?? stored.mean;
  return { file, settings, normalisation: normalisationOf(mean, settings.std) };
}

function withoutRun(file: string, chosen: EvaluateOptions): Member {
  const defaults = resolveSettings({});
  const settings = { ...defaults, ...chosenNetwork(chosen, defaults), ...given(chosen) };
  return { file, settings, normalisation: normalisationOf(chosen.mean ?? IMAGENET_PIXELS.mean, settings.std) };
}

function given({ dataset, data, size, seed, std }: EvaluateOptions): Partial<RunSettings> {
  if (std !== undefined) checkStd(std);
  return {
    ...(dataset !== undefined && { dataset }),
    ...(data !== undefined && { data }),
    ...(size !== undefined && { size }),
    ...(seed !== undefined && { seed }),
    ...(std !== undefined && { std }),
  };
}

function normalisationOf(mean: Normalisation['mean'] | 'pixel' | 'channel', std: readonly number[]): Normalisation {
  if (typeof mean === 'string')
    throw new Error(
      `--mean ${mean} is taken over training images, and the weights do not hold it; give a run (--checkpoint), or r,g,b`,
    );
  return { mean, std };
}

/** A row for each class, a column for what it was taken for. Many classes: only the pairs most often confused. */
function formatConfusion(confusion: Evaluation['confusion'], names: readonly string[]): string {
  const name = (k: number): string => names[k]!;
  if (confusion.length > MOST_COLUMNS) return formatPairs(confusion, name);
  const rows = [['', ...confusion.map((_, k) => name(k))], ...confusion.map((row, k) => [name(k), ...row.map(String)])];
  return formatTable(rows);
}

const MOST_COLUMNS = 20;
const MOST_PAIRS = 20;

function formatPairs(confusion: Evaluation['confusion'], name: (k: number) => string): string {
  const pairs = confusion.flatMap((row, actual) => row.map((count, taken) => ({ actual, taken, count })));
  return pairs
    .filter(({ actual, taken, count }) => actual !== taken && count > 0)
    .sort((a, b) => b.count - a.count)
    .slice(0, MOST_PAIRS)
    .map(({ actual, taken, count }) => `${name(actual)} taken for ${name(taken)}: ${count}`)
    .join('\n');
}
