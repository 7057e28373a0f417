/** `export`: trained weights as a safetensors file with PyTorch's names, or the whole network as an ONNX file. */
import { type Command, Option } from 'commander';
import { useDevice } from '../core/index.ts';
import { writeWhole } from '../disk/writeWhole.ts';
import { buildNetwork, checkNetwork, type NetworkSettings, readSafetensors, writeSafetensors } from '../models/index.ts';
import { exportOnnx } from '../models/onnx/exportOnnx.ts';
import { type Module, type StateDict, zeroWeights } from '../nn/index.ts';
import type { RunSettings } from '../training/index.ts';
import { runOf, type Which, weightsOf, whichOption } from './checkpoints.ts';
import { chosenNetwork, type NetworkOptions, networkOptions, wholeNumber } from './options.ts';

interface ExportOptions extends NetworkOptions {
  readonly weights?: string;
  readonly checkpoint?: string;
  readonly which: Which;
  readonly to: string;
  readonly batchNorm?: 'kept' | 'folded';
  readonly classes?: number;
  readonly size?: number;
  readonly json?: boolean;
}

export function addExportCommand(program: Command): void {
  const options = [
    new Option('--weights <file>', 'a safetensors file with PyTorch names').conflicts('checkpoint'),
    new Option('--checkpoint <directory>', 'what train --out wrote, instead of --weights; its model holds where none is given'),
    whichOption(),
    ...networkOptions(),
    new Option('--to <file>', 'where to; the ending says what: .safetensors or .onnx').makeOptionMandatory(),
    new Option('--batch-norm <how>', 'onnx: nodes of its own, or folded into the convolutions before it (default: kept)').choices(
      ['kept', 'folded'],
    ),
    new Option('--classes <n>', "of the last layer (default: the weights')").argParser(wholeNumber(1)),
    new Option('--size <pixels>', "onnx: side of the images (default: the run's, or the model's)").argParser(wholeNumber(8)),
    new Option('--json', 'print one JSON object'),
  ];
  const command = program
    .command('export')
    .description('write trained weights as safetensors, or a network as ONNX; it takes pixels normalised as in training')
    .action(runExport);
  for (const option of options) command.addOption(option);
}

async function runExport(chosen: ExportOptions): Promise<void> {
  const format = formatOf(chosen);
  const { file, settings } = sourceOf(chosen);
  const network = networkOf(chosen, settings);
  const values = readSafetensors(file);
  const classes = chosen.classes ?? classesOf(values, file);
  await useDevice('reference'); // Values are only copied.
  const model = load(network, classes, values, file);
  const side = chosen.size ?? runSide(settings) ?? checkNetwork(network).inputShape[2]!;
  const inputShape = [1, 3, side, side];
  const batchNorm = chosen.batchNorm ?? 'kept';
  if (format === 'safetensors') writeSafetensors(chosen.to, await model.stateDict());
  else writeWhole(chosen.to, [await exportOnnx(model, { inputShape, batchNorm })]);
  const onnx = format === 'onnx' ? { batchNorm, input: ['batch', ...inputShape.slice(1)], output: ['batch', classes] } : {};
  const result = { file: chosen.to, format, model: network.model, classes, weights: file, ...onnx };
  const shapes =
    format === 'onnx' ? `, images [batch, 3, ${side}, ${side}] to logits [batch, ${classes}], batch norm ${batchNorm}` : '';
  console.log(
    chosen.json ? JSON.stringify(result) : `${chosen.to}: ${network.model} with ${classes} classes from ${file}${shapes}`,
  );
}

/** Asked before anything is read. */
function formatOf({ to, batchNorm, size }: ExportOptions): 'safetensors' | 'onnx' {
  if (to.endsWith('.onnx')) return 'onnx';
  if (!to.endsWith('.safetensors'))
    throw new Error(`--to ${to} ends neither in .safetensors nor in .onnx; give it one of the two`);
  const [option] = [...(batchNorm === undefined ? [] : ['--batch-norm']), ...(size === undefined ? [] : ['--size'])];
  if (option !== undefined) throw new Error(`${option} is for .onnx files; a .safetensors file holds the weights as they are`);
  return 'safetensors';
}

function sourceOf({ weights, checkpoint, which }: ExportOptions): { file: string; settings: RunSettings | undefined } {
  if (checkpoint === undefined && weights === undefined) throw new Error('export needs --checkpoint DIR or --weights FILE');
  if (checkpoint === undefined) return { file: weights!, settings: undefined };
  const file = weightsOf(checkpoint, which);
  const run = runOf(checkpoint);
  return { file, settings: run?.settings() };
}

/** Side of the images that a run was trained on. */
function runSide(settings: RunSettings | undefined): number | undefined {
  if (settings === undefined) return undefined;
  return settings.dataset === 'imagefolder' ? settings.size : 32;
}

/** The rows of the last layer, by the names of the two families. */
function classesOf(values: StateDict, file: string): number {
  const last = values.get('linear.weight') ?? values.get('fc.weight');
  if (last !== undefined) return last.shape[0]!;
  throw new Error(`${file} holds neither linear.weight nor fc.weight, which would tell the number of classes; give --classes N`);
}

function networkOf(chosen: ExportOptions, settings: RunSettings | undefined): NetworkSettings {
  const base = settings ?? (chosen.model === undefined ? undefined : { model: chosen.model, shortcut: null, width: null });
  if (base === undefined)
    throw new Error('export needs --model NAME where the weights are not those of a run; see the command models');
  return chosenNetwork(chosen, base);
}

function load(network: NetworkSettings, classes: number, values: StateDict, file: string): Module {
  const model = buildNetwork(network, { classes, weights: zeroWeights });
  try {
    model.loadStateDict(values);
  } catch (error) {
    throw new Error(`${file} does not fit ${network.model}: ${error instanceof Error ? error.message : String(error)}`);
  }
  return model;
}
