/** A network from plain settings: its name, and what its shortcuts and its width are to be. */
import type { Initialiser, Module, Shortcut } from '../nn/index.ts';
import { MODEL_NAMES, type ModelEntry, modelNamed } from './table.ts';

export interface NetworkSettings {
  /** See `modelNamed`. */
  readonly model: string;
  /** null: the network's own. */
  readonly shortcut: Exclude<Shortcut, 'none'> | null;
  /** Channels of the first stage of a CIFAR network; null: 16, as in the paper. */
  readonly width: number | null;
}

export interface NetworkStart {
  readonly classes?: number;
  readonly seed?: number;
  /** How weights are drawn; He normal, fan in. */
  readonly weights?: Initialiser;
}

/** Throws one sentence for settings that no network has. */
export function checkNetwork({ model, shortcut, width }: NetworkSettings): ModelEntry {
  const entry = modelNamed(model);
  if (entry === undefined) throw new Error(`${model} is not the name of a network; give one of ${MODEL_NAMES}`);
  if (shortcut !== null && entry.plain)
    throw new Error(`shortcut ${shortcut} was given, but ${model} is a plain network and has no shortcuts; leave it out`);
  if (width !== null && entry.family !== 'cifar')
    throw new Error(`width ${width} was given, but ${model} has the paper's widths; leave it out, or take a CIFAR network`);
  return entry;
}

export function buildNetwork(settings: NetworkSettings, start: NetworkStart = {}): Module {
  const { shortcut, width } = settings;
  return checkNetwork(settings).build({ ...start, ...(shortcut !== null && { shortcut }), ...(width !== null && { width }) });
}
