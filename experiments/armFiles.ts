/** The files of one run that other runs do not have: which arm it is, and its result. */
import { existsSync } from 'node:fs';
import { readText } from '../disk/readWhole.ts';
import { FileError } from '../disk/reason.ts';
import { encodeSettings, isEpochRecord, type RunDirectory, SETTINGS_FILE } from '../training/index.ts';
import type { ArmRun } from './carryOut.ts';
import type { ArmResult } from './experiment.ts';

export const RESULT_FILE = 'result.json';

const MAX_TEXT = 100_000_000;

/** Makes the directory of a run, or finds that it is there already, with the same settings but for the place of the data. */
export function beginDirectory(directory: RunDirectory, { arm, settings }: ArmRun): void {
  const { data: _, model: __, ...decisive } = settings;
  const wanted = { format: 'tapegrad experiment', version: 1, arm: arm.name, ...decisive };
  const file = directory.file(SETTINGS_FILE);
  if (!existsSync(file)) directory.create(wanted);
  else if (readText(file, MAX_TEXT) !== encodeSettings(wanted))
    throw new FileError(`${directory.path} holds a run with other settings; choose another --out, or remove it`);
}

/** Throws a FileError for anything but what `trainArm` wrote. */
export function readResult(file: string): ArmResult {
  let value: unknown;
  try {
    value = JSON.parse(readText(file, MAX_TEXT));
  } catch (error) {
    if (error instanceof FileError) throw error;
  }
  if (!isResult(value)) throw new FileError(`${file} does not hold the result of a run; remove it, and the run ends anew`);
  return value;
}

function isResult(value: unknown): value is ArmResult {
  if (typeof value !== 'object' || value === null) return false;
  const { name, seed, parameters, multiplyAdds, trainingImages, testImages, classes, history, diverged, responses } =
    value as Partial<ArmResult>;
  return (
    typeof name === 'string' &&
    [seed, parameters, multiplyAdds, trainingImages, testImages, classes].every((each) => typeof each === 'number') &&
    Array.isArray(history) &&
    history.every(isEpochRecord) &&
    (diverged === null || typeof diverged === 'string') &&
    (responses === null || Array.isArray(responses))
  );
}
