/** Where a run's weights and what belongs to them lie. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Option } from 'commander';
import ndarray from 'ndarray';
import { readSafetensors, writeSafetensors } from '../models/index.ts';
import { bestCheckpoint, RunDirectory as Run, type RunDirectory, SETTINGS_FILE } from '../training/index.ts';
import type { Normalisation } from './images.ts';

/** The weights at the end of a run, and those of a checkpoint. */
export const WEIGHTS_FILE = 'model.safetensors';
const MEAN_FILE = 'mean.safetensors';

/** Which weights of a run: its newest, or those with the smallest error on the held-out images. */
export type Which = 'last' | 'best';

export function whichOption(): Option {
  return new Option('--which <weights>', 'of a run: its last ones, or those with the smallest error')
    .choices(['last', 'best'])
    .default('last');
}

/**
 * The file with the weights of a run, or of one of its checkpoints. A run that is not finished gives those of its newest whole
 * checkpoint. Throws a sentence where there are none.
 */
export function weightsOf(directory: string, which: Which = 'last'): string {
  const direct = join(directory, WEIGHTS_FILE);
  if (existsSync(direct) && which === 'last') return direct;
  const run = new Run(directory);
  const found = existsSync(join(directory, SETTINGS_FILE)) ? run.newest() : undefined;
  if (found !== undefined)
    return join(which === 'best' ? bestCheckpoint(run, found.checkpoint.progress) : found.directory, WEIGHTS_FILE);
  if (existsSync(direct)) return direct;
  throw new Error(`${directory} has neither ${WEIGHTS_FILE} nor a checkpoint; give a directory that train --out wrote`);
}

/** The run that a directory is, or that the checkpoint in it belongs to; undefined where it is neither. */
export function runOf(directory: string): RunDirectory | undefined {
  const place = [directory, dirname(dirname(directory))].find((each) => existsSync(join(each, SETTINGS_FILE)));
  return place === undefined ? undefined : new Run(place);
}

/** Evaluation needs the mean picture that training has subtracted. */
export function writeMean(run: RunDirectory, { mean }: Normalisation): void {
  const picture =
    'shape' in mean
      ? { shape: mean.shape, data: Float32Array.from(mean.data) }
      : { shape: [mean.length], data: Float32Array.from(mean) };
  writeSafetensors(run.file(MEAN_FILE), new Map([['mean', picture]]));
}

/** What `writeMean` wrote; undefined where there is nothing. */
export function readMean(run: RunDirectory): Normalisation['mean'] | undefined {
  const file = run.file(MEAN_FILE);
  if (!existsSync(file)) return undefined;
  const mean = readSafetensors(file).get('mean');
  if (mean === undefined || ![1, 3].includes(mean.shape.length)) throw new Error(`${file} does not hold a mean; it is damaged`);
  return mean.shape.length === 1 ? [...mean.data] : ndarray(Float32Array.from(mean.data), [...mean.shape]);
}
