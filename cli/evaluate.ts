/** `evaluate`: loss, top-1 and top-5 of a model on a split, with exact counts whatever the batch size divides. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { Option } from 'commander';
import { deviceName, type Tensor, useDevice } from '../core/index.ts';
import { DataLoader, type Dataset, type Transform } from '../data/index.ts';
import { modelTable, readSafetensors } from '../models/index.ts';
import { accuracy, crossEntropy, type Module } from '../nn/index.ts';
import { openDataset, type Split, transformFor } from './datasets.ts';
import { addDataOptions, type DataOptions } from './options.ts';
import { type Progress, progressBar } from './progress.ts';

export interface Evaluation {
  readonly loss: number;
  /** Fractions of the images. */
  readonly top1: number;
  readonly top5: number;
  readonly count: number;
  readonly imagesPerSecond: number;
}

/** What `train --out` writes into its directory. */
export const WEIGHTS_FILE = 'model.safetensors';

type EvaluateOptions = DataOptions & { readonly weights?: string; readonly checkpoint?: string; readonly split: Split };

export function addEvaluateCommand(program: Command): void {
  addDataOptions(program.command('evaluate').description('evaluate a model with given weights'), 100)
    .addOption(new Option('--weights <file>', 'a safetensors file with PyTorch names').conflicts('checkpoint'))
    .addOption(new Option('--checkpoint <directory>', 'what train --out wrote, instead of --weights'))
    .addOption(new Option('--split <name>', 'which images').choices(['train', 'test']).default('test'))
    .action(runEvaluate);
}

async function runEvaluate(chosen: EvaluateOptions): Promise<void> {
  const weights = chosen.checkpoint === undefined ? chosen.weights : join(chosen.checkpoint, WEIGHTS_FILE);
  if (weights === undefined) throw new Error('evaluate needs --weights FILE or --checkpoint DIR');
  const dataset = openDataset(chosen, chosen.split);
  const model = buildModel(chosen.model, dataset, chosen.seed);
  model.loadStateDict(readSafetensors(weights));
  await useDevice(chosen.device, { ...(chosen.threads !== undefined && { threads: chosen.threads }) });
  const batches = Math.ceil(dataset.length / chosen.batchSize);
  const bar = progressBar('evaluating', batches, ['top-1', 'images/s']);
  const result = await evaluate(model, dataset, transformFor(chosen, 'none'), chosen.batchSize, bar);
  if (chosen.json) console.log(JSON.stringify({ ...result, device: deviceName() }));
  else console.log(formatEvaluation(result));
}

/** A model with as many classes as the data set has. */
export function buildModel(name: string, dataset: Dataset, seed: number): Module {
  return modelTable.get(name)!.build({ classes: dataset.classes.length, seed });
}

export function formatEvaluation({ loss, top1, top5, count, imagesPerSecond }: Evaluation): string {
  const percent = (fraction: number): string => `${(100 * fraction).toFixed(2)} %`;
  return `${count} images: top-1 ${percent(top1)}, top-5 ${percent(top5)}, loss ${loss.toFixed(4)} (${imagesPerSecond.toFixed(1)} images/s)`;
}

/** Runs the model in evaluation mode over the data set, in order, and puts its mode back. */
export async function evaluate(
  model: Module,
  dataset: Dataset,
  transform: Transform,
  batchSize: number,
  bar: Progress,
): Promise<Evaluation> {
  const training = model.training;
  model.eval();
  const totals = { loss: 0, top1: 0, top5: 0, count: 0 };
  const started = performance.now();
  let batches = 0;
  for await (const { images, labels } of new DataLoader(dataset, { batchSize, transform })) {
    await addBatch(totals, model.forward(images), labels);
    batches += 1;
    bar.update(batches, {
      'top-1': `${((100 * totals.top1) / totals.count).toFixed(1)} %`,
      'images/s': rate(totals.count, started),
    });
  }
  bar.stop();
  model.train(training);
  const { loss, top1, top5, count } = totals;
  return {
    loss: loss / count,
    top1: top1 / count,
    top5: top5 / count,
    count,
    imagesPerSecond: count / ((performance.now() - started) / 1000),
  };
}

async function addBatch(
  totals: { loss: number; top1: number; top5: number; count: number },
  logits: Tensor,
  labels: Tensor,
): Promise<void> {
  const [loss, top1, top5] = await Promise.all([
    crossEntropy(logits, labels, { reduction: 'sum' }).item(),
    accuracy(logits, labels),
    accuracy(logits, labels, 5),
  ]);
  totals.loss += loss;
  totals.top1 += Math.round(top1 * labels.size);
  totals.top5 += Math.round(top5 * labels.size);
  totals.count += labels.size;
}

function rate(count: number, started: number): string {
  return (count / ((performance.now() - started) / 1000)).toFixed(1);
}
