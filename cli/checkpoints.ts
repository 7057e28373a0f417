/** Where a run's weights and what belongs to them lie. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Option } from 'commander';
import { readWhole } from '../disk/readWhole.ts';
import { writeWhole } from '../disk/writeWhole.ts';
import {
  bestCheckpoint,
  decodeMean,
  encodeMean,
  MEAN_FILE,
  type Normalisation,
  type Progress,
  RunDirectory as Run,
  type RunDirectory,
  SETTINGS_FILE,
  WEIGHTS_FILE,
} from '../training/index.ts';

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
  if (found !== undefined) return join(which === 'best' ? bestOf(run, found.checkpoint.progress) : found.directory, WEIGHTS_FILE);
  if (existsSync(direct)) return direct;
  throw new Error(`${directory} has neither ${WEIGHTS_FILE} nor a checkpoint; give a directory that train --out wrote`);
}

function bestOf(run: RunDirectory, progress: Progress): string {
  const directory = bestCheckpoint(run, progress);
  if (existsSync(directory)) return directory;
  throw new Error(`${directory}, the checkpoint with the smallest error, is not there; take --which last`);
}

/** The run that a directory is, or that the checkpoint in it belongs to; undefined where it is neither. */
export function runOf(directory: string): RunDirectory | undefined {
  const place = [directory, dirname(dirname(directory))].find((each) => existsSync(join(each, SETTINGS_FILE)));
  return place === undefined ? undefined : new Run(place);
}

export function writeMean(run: RunDirectory, { mean }: Normalisation): void {
  writeWhole(run.file(MEAN_FILE), encodeMean(mean));
}

/** What `writeMean` wrote; undefined where there is nothing. */
export function readMean(run: RunDirectory): Normalisation['mean'] | undefined {
  const file = run.file(MEAN_FILE);
  return existsSync(file) ? decodeMean(readWhole(file), file) : undefined;
}
