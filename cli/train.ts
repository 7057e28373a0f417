/** `train`: a run from its options to its last evaluation; the loop itself is training/loop.ts. */
import { type Command, Option } from 'commander';
import { type GivenSettings, RECIPES, RunDirectory, resolveSettings } from '../training/index.ts';
import { addDataOptions, numberList, type RunOptions, realNumber, share, wholeNumber } from './options.ts';
import { resumeRun, startRun } from './run.ts';
import { formatSettings, resumedSettings } from './settings.ts';

export type TrainOptions = RunOptions & GivenSettings;

export function addTrainCommand(program: Command): void {
  const command = program.command('train').description('train a model; without options resnet20 on the built-in data set');
  addDataOptions(command, "32, or the recipe's").action(runTrain);
  for (const option of [...recipeOptions(), ...rateOptions(), ...runOptions()]) command.addOption(option);
}

function recipeOptions(): Option[] {
  return [
    new Option(
      '--recipe <name>',
      "cifar and imagenet are the paper's, quick is ten epochs; other options override parts",
    ).choices(RECIPES),
    new Option('--epochs <n>', 'passes over the training images (default: 8)').argParser(wholeNumber(1)),
    new Option('--steps <n>', 'stop after so many steps, however many epochs they take').argParser(wholeNumber(1)),
    new Option(
      '--accumulate <n>',
      'cut each batch into n parts that fit into memory; batch norm sees one part at a time',
    ).argParser(wholeNumber(1)),
    new Option('--momentum <x>', 'of SGD (default: 0.9)').argParser(realNumber(0)),
    new Option('--nesterov', "Nesterov's form of momentum"),
    new Option('--no-nesterov', 'the usual form'),
    new Option('--weight-decay <x>', 'of SGD (default: 0.0001)').argParser(realNumber(0)),
    new Option('--decay-norms', 'weight decay on biases and norms too'),
    new Option('--no-decay-norms', 'weight decay on weights only'),
    new Option('--label-smoothing <share>', 'of the uniform distribution in the labels').argParser(share),
    new Option('--validation <n>', 'training images held out to choose the best checkpoint by').argParser(wholeNumber(0)),
    new Option('--augment <name>', 'cifar: crops of the padded image and flips; imagenet: scales, crops, flips, colours').choices(
      ['none', 'cifar', 'imagenet'],
    ),
    new Option('--shuffle', 'another order in every epoch'),
    new Option('--no-shuffle', 'take the images in their order'),
    new Option('--weights <file>', 'a safetensors file to start from'),
  ];
}

function rateOptions(): Option[] {
  return [
    new Option('--learning-rate <x>', 'the highest rate (default: 0.05)').argParser(realNumber(0)),
    new Option('--schedule <name>', 'how the rate falls').choices(['cosine', 'steps', 'plateau', 'constant']),
    new Option('--milestones <steps>', 'schedule steps: where the rate falls, such as 32000,48000').argParser(numberList(1)),
    new Option('--factor <x>', 'schedules steps and plateau: what the rate is multiplied by (default: 0.1)').argParser(
      realNumber(0),
    ),
    new Option('--patience <n>', 'schedule plateau: evaluations without a new best before the rate falls').argParser(
      wholeNumber(0),
    ),
    new Option('--warm-up <share>', 'of the steps, in which the rate rises (default: 0.025)').argParser(share),
    new Option('--warm-up-rate <x>', 'a constant rate until the training error is below --warm-up-error').argParser(
      realNumber(0),
    ),
    new Option('--warm-up-error <share>', 'see --warm-up-rate (default: 0.8)').argParser(share),
  ];
}

function runOptions(): Option[] {
  return [
    new Option('--out <directory>', 'where to write settings, metrics, curves, checkpoints and the trained weights'),
    new Option('--resume <directory>', 'go on with the run that --out wrote there').conflicts(['out', 'recipe', 'weights']),
    new Option('--evaluate-every <epochs>', 'how often to evaluate (default: 1)').argParser(wholeNumber(1)),
    new Option('--checkpoint-every <steps>', 'a checkpoint within epochs too').argParser(wholeNumber(1)).default(1000),
    new Option('--keep <n>', 'how many of the last checkpoints to keep, besides the best').argParser(wholeNumber(1)).default(3),
  ];
}

async function runTrain(chosen: TrainOptions): Promise<void> {
  const { device, threads, workers, skip, json, out, resume, checkpointEvery, keep, ...given } = chosen;
  const before = resume === undefined ? undefined : new RunDirectory(resume);
  const settings = before === undefined ? resolveSettings(given) : resumedSettings(before.settings(), given);
  console.error(`settings:\n${formatSettings(settings)}`);
  if (before !== undefined) await resumeRun(before, settings, chosen);
  else await startRun(out === undefined ? undefined : new RunDirectory(out), settings, chosen);
}
