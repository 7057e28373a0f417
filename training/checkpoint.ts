/**
 * A checkpoint as a directory: checkpointFormat.ts has its files. It is written under another name, flushed to the disk and renamed, so
 * under its own name it is whole; the sums find what a disk or a hand has changed since.
 */
import { createHash } from 'node:crypto';
import { existsSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { makeDirectory } from '../disk/makeDirectory.ts';
import { readWhole } from '../disk/readWhole.ts';
import { FileError, reason } from '../disk/reason.ts';
import { removeIfThere, syncDirectory, writeDurably } from '../disk/writeWhole.ts';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint, type Sha256 } from './checkpointFormat.ts';
import { REPLACEMENT } from './runNames.ts';

/** Names of directories that are being written or taken away; a run that begins removes what a killed one left of them. */
export const isLeftover = (name: string): boolean => name.startsWith('.writing-') || name.startsWith('.removing-');

/** Writes the checkpoint whole or not at all; one of the same name is replaced. Throws a FileError. */
export function writeCheckpoint(directory: string, checkpoint: Checkpoint): void {
  const temporary = join(dirname(directory), `.writing-${basename(directory)}`);
  try {
    rmSync(temporary, { recursive: true, force: true });
    makeDirectory(temporary);
    writeFiles(temporary, checkpoint);
    putInPlace(temporary, directory);
  } catch (error) {
    removeIfThere(temporary);
    throw new FileError(`cannot write the checkpoint ${directory}: ${reason(error)}`);
  }
}

/** Where there is one already, the new one stands beside it until the old one is gone: at every moment one of them can be found. */
function putInPlace(temporary: string, directory: string): void {
  if (existsSync(directory + REPLACEMENT)) finishReplacement(directory); // one that was interrupted here
  const replaces = existsSync(directory);
  renameSync(temporary, replaces ? directory + REPLACEMENT : directory);
  syncDirectory(dirname(directory));
  if (replaces) finishReplacement(directory);
}

/** Puts the replacement of a checkpoint in its place. */
export function finishReplacement(directory: string): void {
  if (existsSync(directory)) removeCheckpoint(directory);
  renameSync(directory + REPLACEMENT, directory);
  syncDirectory(dirname(directory));
}

function writeFiles(directory: string, checkpoint: Checkpoint): void {
  for (const { name, pieces } of encodeCheckpoint(checkpoint, sha256)) writeDurably(join(directory, name), pieces);
  syncDirectory(directory);
}

/** Takes a checkpoint away such that no half of it ever stands under its name. Throws a FileError. */
export function removeCheckpoint(directory: string): void {
  const doomed = join(dirname(directory), `.removing-${basename(directory)}`);
  try {
    rmSync(doomed, { recursive: true, force: true });
    renameSync(directory, doomed);
    rmSync(doomed, { recursive: true, force: true });
  } catch (error) {
    throw new FileError(`cannot remove the checkpoint ${directory}: ${reason(error)}`);
  }
}

/** Reads a checkpoint and checks every byte of it; throws a FileError that says what is wrong. */
export function readCheckpoint(directory: string): Checkpoint {
  const read = (name: string, most?: number): Uint8Array | undefined => {
    const file = join(directory, name);
    return existsSync(file) ? readWhole(file, most) : undefined;
  };
  return decodeCheckpoint({ path: directory, read }, sha256);
}

const sha256: Sha256 = (pieces) => {
  const hash = createHash('sha256');
  for (const piece of pieces) hash.update(piece);
  return hash.digest('hex');
};
