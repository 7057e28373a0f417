/** A person's choice as the settings of a run, which the command line reads too, and back. */
import { modelNamed, modelTable } from 'tapegrad/models';
import { type RunSettings, resolveSettings } from 'tapegrad/training';
import type { Choice, Machine } from '../protocol.ts';
import { SIDE } from './pictures.ts';

/** `heldOut` training images are kept to test on. */
export function settingsOf(choice: Choice, heldOut: number): RunSettings {
  const { kind, depth, shortcut, width, dataset, augment, batchSize, learningRate, epochs, seed } = choice;
  return resolveSettings({
    model: nameOf(kind, depth),
    ...(kind === 'resnet' && { shortcut }),
    width,
    dataset,
    size: SIDE,
    augment: augment ? 'cifar' : 'none',
    batchSize,
    learningRate,
    schedule: 'constant', // a person changes it
    warmUp: 0,
    epochs,
    seed,
    validation: heldOut,
  });
}

/** The paper's name where it has one; resnet50 is ImageNet's. */
function nameOf(kind: Choice['kind'], depth: number): string {
  const name = `${kind}${depth}`;
  return modelTable.get(name)?.family === 'cifar' ? name : `cifar-${name}`;
}

/** Throws a sentence for a run that this page has no place for. */
export function choiceOf(settings: RunSettings, machine: Machine): Choice {
  const { model, dataset, shortcut, width, augment, batchSize, learningRate, epochs, seed } = settings;
  const entry = modelNamed(model);
  if (entry?.family !== 'cifar')
    throw new Error(
      `the run trains ${model}, but this page trains the networks for 32 x 32 pictures; go on with it on the command line`,
    );
  if (dataset === 'cifar100')
    throw new Error('the run is on CIFAR-100, which this page does not read; go on with it on the command line');
  return {
    kind: model.includes('plain') ? 'plain' : 'resnet',
    depth: entry.layers,
    shortcut: shortcut ?? 'A',
    width: width ?? 16,
    dataset,
    augment: augment !== 'none',
    batchSize,
    learningRate,
    epochs,
    seed,
    machine,
  };
}
