/** A network from plain settings: its name, and what its shortcuts and its width are to be. */
import type { Initialiser, Module, Shortcut } from '../nn/index.ts';
import { MODEL_NAMES, type ModelEntry, modelNamed } from './table.ts';

/** What decides which network is built, as plain data. */
export interface NetworkSettings {
  /** Its name; `modelNamed` knows it. */
  readonly model: string;
  /** What is added in every block; null: the network's own. */
  readonly shortcut: Exclude<Shortcut, 'none'> | null;
  /** Channels of the first stage of a CIFAR network; null: 16, as in the paper. */
  readonly width: number | null;
}

/** What else a network needs to begin: the number of classes, and how its weights are drawn. */
export interface NetworkStart {
  /** Logits an image; 10 for CIFAR networks and 1000 for those of ImageNet by default. */
  readonly classes?: number;
  /** Of the weights and dropout; 0 by default. */
  readonly seed?: number;
  /** How weights are drawn; He normal, fan in, by default. */
  readonly weights?: Initialiser;
}

/** The table's entry for the settings; throws one sentence for settings that no network has. */
export function checkNetwork({ model, shortcut, width }: NetworkSettings): ModelEntry {
  const entry = modelNamed(model);
  if (entry === undefined) throw new Error(`${model} is not the name of a network; give one of ${MODEL_NAMES}`);
  if (shortcut !== null && entry.plain)
    throw new Error(`shortcut ${shortcut} was given, but ${model} is a plain network and has no shortcuts; leave it out`);
  if (width !== null && entry.family !== 'cifar')
    throw new Error(`width ${width} was given, but ${model} has the paper's widths; leave it out, or take a CIFAR network`);
  return entry;
}

/** The network of the settings, its weights drawn. Throws one sentence for settings that no network has. */
export function buildNetwork(settings: NetworkSettings, start: NetworkStart = {}): Module {
  const { shortcut, width } = settings;
  return checkNetwork(settings).build({ ...start, ...(shortcut !== null && { shortcut }), ...(width !== null && { width }) });
}
