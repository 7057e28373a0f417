/** `experiment`: one of the paper's experiments, from training to table, curves and verdict. The experiments are in experiments/. */
import { cpus } from 'node:os';
import { Argument, type Command, Option } from 'commander';
import { DEVICE_NAMES, type DeviceName, deviceName, threadsInUse, useDevice } from '../core/index.ts';
import {
  type ArmResult,
  type Chosen,
  type Circumstances,
  carryOut,
  EXPERIMENTS,
  type Experiment,
  PRESETS,
  type PresetName,
  runsOfExperiment,
  type ScaleChanges,
  type Surroundings,
  scaleOf,
  scaleOptions,
  writeReport,
} from '../experiments/index.ts';
import { openTrainingData } from './datasets.ts';
import { onInterrupt } from './interrupt.ts';
import { numberList, wholeNumber } from './options.ts';
import { type Progress, percent, progressBar } from './progress.ts';

interface ExperimentOptions extends ScaleChanges {
  readonly preset: PresetName;
  readonly data?: string;
  readonly out?: string;
  readonly device: DeviceName;
  readonly threads?: number;
  readonly seed: number;
}

/** Unreadable pictures of a folder that are left out before giving up. */
const READING = { skip: 100 };

export function addExperimentCommand(program: Command): void {
  program
    .command('experiment')
    .description('repeat an experiment of the paper; the same command goes on with one that was interrupted')
    .addArgument(new Argument('<name>', 'which one').choices(EXPERIMENTS.map(({ name }) => name)))
    .addOption(new Option('--preset <name>', 'minutes, hours, or the schedule of the paper').choices(PRESETS).default('quick'))
    .addOption(
      new Option(
        '--data <directory>',
        'with the .bin files of CIFAR-10, or for imagenet-mini with train/ and val/ (quick: built-in set)',
      ),
    )
    .addOption(new Option('--depths <list>', 'instead of those of the preset, such as 20,56').argParser(numberList(1)))
    .addOption(new Option('--seeds <n>', 'how many, instead of those of the preset').argParser(wholeNumber(1)))
    .addOption(new Option('--epochs <n>', 'how long, instead of the preset').argParser(wholeNumber(1)))
    .addOption(new Option('--out <directory>', 'where to write everything (default: runs/<name>-<preset>)'))
    .addOption(new Option('--device <name>', 'where to compute').choices(DEVICE_NAMES).default('auto'))
    .addOption(
      new Option('--threads <n>', 'threads to compute with (default: TAPEGRAD_THREADS, or the number of cores)').argParser(
        wholeNumber(1),
      ),
    )
    .addOption(new Option('--seed <n>', 'the first of the seeds').argParser(wholeNumber(0)).default(0))
    .action(runExperiment);
}

async function runExperiment(name: string, options: ExperimentOptions): Promise<void> {
  const { preset, out = `runs/${name}-${preset}`, device, threads } = options;
  const experiment = EXPERIMENTS.find((each) => each.name === name)!;
  const chosen = chosenImages(experiment, options);
  const runs = runsOfExperiment(experiment, scaleOf(experiment, preset, options), chosen, out);
  await useDevice(device, { ...(threads !== undefined && { threads }) });
  const interrupt = onInterrupt('stopping after this step; press Ctrl-C again to quit at once');
  const bars = new Bars();
  const results = await carryOut(runs, { ...surroundings(bars), signal: interrupt.signal }).finally(() => {
    bars.stop();
    interrupt.release();
  });
  if (results === undefined) {
    console.error(`interrupted; the same command goes on with what is in ${out}`);
    process.exitCode = interrupt.exitCode;
    return;
  }
  const paragraph = await writeReport(out, experiment, results, circumstances(scaleOptions(preset, options), chosen, results));
  console.log(`${paragraph}\n${out} holds report.md, table.md, table.json and curves.svg`);
}

/** The data set that a directory or its absence means. */
function chosenImages({ name, images }: Experiment, { preset, data, seed }: ExperimentOptions): Chosen {
  if (data !== undefined) return { dataset: images, data, seed };
  if (images === 'imagefolder')
    throw new Error(`experiment ${name} is about pictures; give --data DIR, the directory with train/<class>/ and val/<class>/`);
  if (preset !== 'quick')
    throw new Error(`--preset ${preset} trains on CIFAR-10; give --data DIR, the directory with its .bin files`);
  return { dataset: 'synthetic', data: null, seed };
}

function surroundings(bars: Bars): Pick<Surroundings, 'open' | 'say' | 'onStep'> {
  return {
    open: (settings) => openTrainingData(settings, READING),
    say: (line) => {
      bars.stop();
      console.error(line);
    },
    onStep: (name, total, { step, loss, correct, images, imagesPerSecond }) =>
      bars.step(name, total, step, {
        loss: loss.toFixed(3),
        error: percent(1 - correct / images),
        'images/s': imagesPerSecond.toFixed(1),
      }),
  };
}

/** A bar for each run. The time that is left is reckoned from the steps of this process: a run may have begun in another. */
class Bars {
  private bar: Progress | undefined;
  private started = 0;
  private taken = 0;

  step(name: string, total: number, step: number, values: Readonly<Record<string, string>>): void {
    if (this.bar === undefined) {
      this.bar = progressBar(name, total, Object.keys(values));
      [this.started, this.taken] = [performance.now(), 0];
    } else this.taken += 1;
    const left = this.taken === 0 ? Number.NaN : ((performance.now() - this.started) / this.taken / 1000) * (total - step);
    this.bar.update(step, values, left);
  }

  stop(): void {
    this.bar?.stop();
    this.bar = undefined;
  }
}

function circumstances(scale: string, { dataset }: Chosen, results: readonly ArmResult[]): Circumstances {
  const threads = threadsInUse();
  const cores = cpus();
  return {
    scale,
    images: `${results[0]!.trainingImages} training images of ${dataset === 'synthetic' ? 'the built-in data set' : dataset}`,
    device: `${deviceName()}${threads === undefined ? '' : ` with ${threads} ${threads === 1 ? 'thread' : 'threads'}`}`,
    machine: `${cores.length} cores (${cores[0]?.model.trim() ?? 'unknown'}), Node ${process.versions.node}`,
    date: new Date().toISOString().slice(0, 10),
  };
}
