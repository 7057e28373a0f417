/**
 * A checkpoint: a directory that holds all that a run needs to go on.
 *
 *     model.safetensors      parameters and batch-norm statistics, with PyTorch's names
 *     momentum.safetensors   momentum by the parameters' names
 *     progress.json          counts, schedule, random state, data position, best error, history
 *     manifest.json          format, version, size and SHA-256 of the other three
 *
 * It is written under another name, flushed to the disk and renamed, so under its own name it is whole; the sums find what a disk or a
 * hand has changed since.
 */
import { createHash } from 'node:crypto';
import { existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { makeDirectory } from '../disk/makeDirectory.ts';
import { readText, readWhole } from '../disk/readWhole.ts';
import { FileError, reason } from '../disk/reason.ts';
import { removeIfThere, syncDirectory, writeDurably } from '../disk/writeWhole.ts';
import { decodeSafetensors, encodeSafetensors } from '../models/index.ts';
import type { StateDict } from '../nn/index.ts';
import type { SGDState } from '../optim/index.ts';
import { type Progress, parseProgress } from './progress.ts';

const FORMAT = 'tapegrad checkpoint';
/** Raised when a reader of the old form could not read the new one. */
const VERSION = 1;
const MANIFEST = 'manifest.json';
export const MODEL_FILE = 'model.safetensors';
const MOMENTUM_FILE = 'momentum.safetensors';
const PROGRESS_FILE = 'progress.json';
const FILES = [MODEL_FILE, MOMENTUM_FILE, PROGRESS_FILE] as const;
/** A manifest has a few hundred bytes. */
const MAX_MANIFEST = 65_536;

export interface Checkpoint {
  readonly model: StateDict;
  readonly momentum: SGDState['momentum'];
  readonly progress: Progress;
}

/** Names of directories that are being written or taken away; a run that begins removes what a killed one left of them. */
export const isLeftover = (name: string): boolean => name.startsWith('.writing-') || name.startsWith('.removing-');

/** Ends the name of a checkpoint that is about to take the place of an older one; it is whole. */
export const REPLACEMENT = '.new';

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

function writeFiles(directory: string, { model, momentum, progress }: Checkpoint): void {
  const contents: Record<(typeof FILES)[number], readonly (Uint8Array | string)[]> = {
    [MODEL_FILE]: encodeSafetensors(model, { exact: true }),
    [MOMENTUM_FILE]: encodeSafetensors(momentum, { exact: true }),
    [PROGRESS_FILE]: [`${JSON.stringify(progress, undefined, 1)}\n`],
  };
  const files = FILES.map((name) => {
    writeDurably(join(directory, name), contents[name]);
    const hash = createHash('sha256');
    for (const part of contents[name]) hash.update(part);
    return [name, { bytes: statSync(join(directory, name)).size, sha256: hash.digest('hex') }];
  });
  const manifest = { format: FORMAT, version: VERSION, files: Object.fromEntries(files) };
  writeDurably(join(directory, MANIFEST), [`${JSON.stringify(manifest, undefined, 1)}\n`]);
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
  const sums = readManifest(directory);
  const file = (name: string): Uint8Array => readChecked(directory, name, sums);
  return {
    model: decodeSafetensors(file(MODEL_FILE), join(directory, MODEL_FILE)),
    momentum: decodeSafetensors(file(MOMENTUM_FILE), join(directory, MOMENTUM_FILE)),
    progress: parseProgress(new TextDecoder().decode(file(PROGRESS_FILE)), join(directory, PROGRESS_FILE)),
  };
}

type Sums = Readonly<Record<string, unknown>>;

function readManifest(directory: string): Sums {
  const file = join(directory, MANIFEST);
  if (!existsSync(file)) throw new FileError(`${directory} has no ${MANIFEST}; it is not a checkpoint, or not all of one`);
  const manifest = parseObject(readText(file, MAX_MANIFEST), file);
  if (manifest.format !== FORMAT)
    throw new FileError(`${file} has format ${JSON.stringify(manifest.format)}, but "${FORMAT}" is needed`);
  if (manifest.version !== VERSION)
    throw new FileError(`${file} has version ${JSON.stringify(manifest.version)}, but this program reads version ${VERSION}`);
  if (!isObject(manifest.files)) throw new FileError(`${file} does not list the checkpoint's files; it is damaged`);
  return manifest.files;
}

function readChecked(directory: string, name: string, sums: Sums): Uint8Array {
  const file = join(directory, name);
  const expected = sums[name];
  if (!isObject(expected)) throw new FileError(`${join(directory, MANIFEST)} does not list ${name}; it is damaged`);
  const bytes = readWhole(file);
  if (bytes.length !== expected.bytes)
    throw new FileError(`${file} has ${bytes.length} bytes, but ${String(expected.bytes)} were written; it is damaged`);
  if (createHash('sha256').update(bytes).digest('hex') !== expected.sha256)
    throw new FileError(`${file} is not what was written (its SHA-256 differs); it is damaged`);
  return bytes;
}

/** A JSON object, or a FileError with the file's name. */
export function parseObject(text: string, file: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FileError(`${file} is not JSON; it is damaged or another file`);
  }
  if (!isObject(value)) throw new FileError(`${file} does not hold a JSON object; it is damaged or another file`);
  return value;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
