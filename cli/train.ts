/** `train`: the loop of the README with a progress bar, a schedule, Ctrl-C and an evaluation at the end. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import { deviceName, MemoryError, useDevice } from '../core/index.ts';
import { DataLoader, type Dataset } from '../data/index.ts';
import { readSafetensors, writeSafetensors } from '../models/index.ts';
import { accuracy, crossEntropy, type Module } from '../nn/index.ts';
import { cosine, type Schedule, SGD, warmUp } from '../optim/index.ts';
import { openDataset, transformFor } from './datasets.ts';
import { buildModel, type Evaluation, evaluate, formatEvaluation, WEIGHTS_FILE } from './evaluate.ts';
import { fittingBatch } from './fit.ts';
import { onInterrupt } from './interrupt.ts';
import { addDataOptions, type DataOptions, realNumber, wholeNumber } from './options.ts';
import { progressBar } from './progress.ts';

type TrainOptions = DataOptions & {
  readonly epochs: number;
  readonly steps?: number;
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly schedule: 'cosine' | 'constant';
  readonly augment: 'none' | 'cifar';
  readonly shuffle: boolean;
  readonly weights?: string;
  readonly out?: string;
};

export function addTrainCommand(program: Command): void {
  addDataOptions(program.command('train').description('train a model; without options resnet20 on the built-in data set'), 32)
    .addOption(new Option('--epochs <n>', 'passes over the training images').argParser(wholeNumber(1)).default(8))
    .addOption(new Option('--steps <n>', 'stop after so many steps, however many epochs they take').argParser(wholeNumber(1)))
    .addOption(new Option('--learning-rate <x>', 'the highest rate').argParser(realNumber(0)).default(0.05))
    .addOption(new Option('--momentum <x>', 'of SGD').argParser(realNumber(0)).default(0.9))
    .addOption(new Option('--weight-decay <x>', 'of SGD').argParser(realNumber(0)).default(1e-4))
    .addOption(
      new Option('--schedule <name>', 'cosine: a short warm-up, then down to 0 along a cosine')
        .choices(['cosine', 'constant'])
        .default('cosine'),
    )
    .addOption(
      new Option('--augment <name>', 'cifar: random crops of the padded image and flips')
        .choices(['none', 'cifar'])
        .default('none'),
    )
    .addOption(new Option('--no-shuffle', 'take the images in their order'))
    .addOption(new Option('--weights <file>', 'a safetensors file to start from'))
    .addOption(new Option('--out <directory>', 'where to write the trained weights, as model.safetensors'))
    .action(runTrain);
}

async function runTrain(chosen: TrainOptions): Promise<void> {
  const started = performance.now();
  const dataset = openDataset(chosen, 'train');
  const model = buildModel(chosen.model, dataset, chosen.seed);
  if (chosen.weights !== undefined) model.loadStateDict(readSafetensors(chosen.weights));
  if (chosen.out !== undefined) mkdirSync(chosen.out, { recursive: true });
  await useDevice(chosen.device, { ...(chosen.threads !== undefined && { threads: chosen.threads }) });
  console.error(`training ${chosen.model} on ${dataset.length} images of ${chosen.dataset}, device ${deviceName()}`);

  const run = await trainSteps(model, dataset, chosen).catch((error: unknown) => sayWhatFits(error, dataset, chosen));
  if (chosen.out !== undefined) writeSafetensors(join(chosen.out, WEIGHTS_FILE), await model.stateDict());
  const test = run.interrupted ? undefined : await evaluateTest(model, chosen);
  report(chosen, run, test, (performance.now() - started) / 1000);
  if (run.interrupted) process.exitCode = run.exitCode;
}

/** A step that does not fit into memory is refused before anything of it runs; the message then names a batch size that does. */
async function sayWhatFits(error: unknown, dataset: Dataset, chosen: TrainOptions): Promise<never> {
  if (!(error instanceof MemoryError) || chosen.batchSize === 1) throw error;
  const side = dataset.imageShape[2];
  const batch = Math.min(chosen.batchSize, dataset.length);
  const fitting = await fittingBatch(buildModel(chosen.model, dataset, chosen.seed), side, batch);
  const advice = fitting === undefined ? 'not even one picture at a time fits' : `--batch-size ${fitting} fits`;
  throw new Error(`${error.message.replace(/; use a smaller batch.*$/, '')}; ${advice}`);
}

interface Run {
  readonly losses: number[];
  readonly epochs: number;
  readonly imagesPerSecond: number;
  readonly interrupted: boolean;
  readonly exitCode: number;
}

async function trainSteps(model: Module, dataset: Dataset, chosen: TrainOptions): Promise<Run> {
  const { batchSize, shuffle, seed, learningRate, momentum, weightDecay } = chosen;
  const loader = new DataLoader(dataset, { batchSize, shuffle, seed, transform: transformFor(chosen, chosen.augment) });
  const total = chosen.steps ?? chosen.epochs * loader.length;
  const optimizer = new SGD(model.parameters(), { learningRate, momentum, weightDecay });
  const schedule = scheduleFor(chosen, total);
  const interrupt = onInterrupt('stopping after this step; press Ctrl-C again to quit at once');
  const bar = progressBar('training', total, ['loss', 'top-1', 'images/s']);
  const losses: number[] = [];
  const started = performance.now();
  let [seen, epochs] = [0, 0];
  while (losses.length < total && !interrupt.requested) {
    for await (const { images, labels } of loader) {
      optimizer.learningRate = schedule.learningRate(losses.length);
      const logits = model.forward(images);
      const loss = crossEntropy(logits, labels);
      optimizer.zeroGrad();
      loss.backward();
      const step = optimizer.step();
      const [lossValue, top1] = await Promise.all([loss.item(), accuracy(logits, labels), step]);
      losses.push(finite(lossValue, losses.length));
      seen += labels.size;
      bar.update(losses.length, {
        loss: lossValue.toFixed(3),
        'top-1': `${(100 * top1).toFixed(0)} %`,
        'images/s': (seen / ((performance.now() - started) / 1000)).toFixed(1),
      });
      if (losses.length === total || interrupt.requested) break;
    }
    epochs += 1;
  }
  bar.stop();
  interrupt.release();
  const { requested: interrupted, exitCode } = interrupt;
  return { losses, epochs, imagesPerSecond: seen / ((performance.now() - started) / 1000), interrupted, exitCode };
}

function scheduleFor({ schedule, learningRate }: TrainOptions, steps: number): Schedule {
  if (schedule === 'constant') return { learningRate: () => learningRate };
  return warmUp(cosine({ learningRate, steps }), { steps: Math.min(10, Math.floor(steps / 5)), from: learningRate / 10 });
}

function finite(loss: number, step: number): number {
  if (Number.isFinite(loss)) return loss;
  throw new Error(
    `the loss of step ${step + 1} is ${loss}; try a smaller --learning-rate (device reference with DEBUG=4 shows where it starts)`,
  );
}

/** A data set may have no test images; then there is nothing to evaluate on. */
async function evaluateTest(model: Module, chosen: TrainOptions): Promise<Evaluation | undefined> {
  let dataset: Dataset;
  try {
    dataset = openDataset(chosen, 'test');
  } catch (error) {
    console.error(`no evaluation: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
  const batchSize = Math.max(chosen.batchSize, 50);
  return evaluate(
    model,
    dataset,
    transformFor(chosen, 'none'),
    batchSize,
    progressBar('evaluating', Math.ceil(dataset.length / batchSize), ['top-1', 'images/s']),
  );
}

function report(
  chosen: TrainOptions,
  { losses, epochs, imagesPerSecond }: Run,
  test: Evaluation | undefined,
  seconds: number,
): void {
  if (!chosen.json) {
    console.log(
      `trained ${losses.length} steps, ${imagesPerSecond.toFixed(1)} images/s; last loss ${losses.at(-1)?.toFixed(4)}; ${seconds.toFixed(0)} s in all`,
    );
    if (test !== undefined) console.log(`test: ${formatEvaluation(test)}`);
    return;
  }
  const { loss = null, top1 = null, top5 = null } = test ?? {};
  console.log(
    JSON.stringify({
      losses,
      loss,
      top1,
      top5,
      imagesPerSecond,
      seconds,
      steps: losses.length,
      epochs,
      device: deviceName(),
      threads: chosen.threads ?? null,
      model: chosen.model,
    }),
  );
}
