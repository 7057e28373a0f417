/**
 * The files of a checkpoint, from values to bytes and back, with every check. Where the files lie is the caller's business: checkpoint.ts
 * has a directory for them, runArchive.ts an archive.
 *
 *     model.safetensors      parameters and batch-norm statistics, with PyTorch's names
 *     momentum.safetensors   momentum by the parameters' names
 *     progress.json          counts, schedule, random state, data position, best error, history
 *     manifest.json          format, version, size and SHA-256 of the other three
 */
import { FileError } from '../disk/reason.ts';
import { decodeSafetensors, encodeSafetensors } from '../models/browser.ts';
import type { StateDict } from '../nn/index.ts';
import type { SGDState } from '../optim/index.ts';
import { isObject, parseObject } from './json.ts';
import { type Progress, parseProgress } from './progress.ts';
import { WEIGHTS_FILE } from './runNames.ts';

const FORMAT = 'tapegrad checkpoint';
/** Raised when a reader of the old form could not read the new one. */
const VERSION = 1;
const MANIFEST = 'manifest.json';
const MOMENTUM_FILE = 'momentum.safetensors';
const PROGRESS_FILE = 'progress.json';
/** A manifest has a few hundred bytes. */
const MAX_MANIFEST = 65_536;

/** All that a run needs to go on. */
export interface Checkpoint {
  /** Parameters and batch-norm statistics. */
  readonly model: StateDict;
  /** The optimizer's velocities, by the parameters' names. */
  readonly momentum: SGDState['momentum'];
  /** How far the run has come. */
  readonly progress: Progress;
}

/** The SHA-256 of pieces one after another, in hexadecimal: Node and pages have different ones. */
export type Sha256 = (pieces: readonly Uint8Array[]) => string;

/** The bytes of a file, in pieces. */
export interface EncodedFile {
  readonly name: string;
  readonly pieces: readonly Uint8Array[];
}

/** Where the files of a checkpoint lie. */
export interface CheckpointPlace {
  /** For messages. */
  readonly path: string;
  /** Undefined where there is no such file; throws a FileError for one that cannot be read, or has more than `most` bytes. */
  read(name: string, most?: number): Uint8Array | undefined;
}

/** The files of a checkpoint; the manifest is the last one. */
export function encodeCheckpoint({ model, momentum, progress }: Checkpoint, sha256: Sha256): EncodedFile[] {
  const files: EncodedFile[] = [
    { name: WEIGHTS_FILE, pieces: encodeSafetensors(model, { exact: true }) },
    { name: MOMENTUM_FILE, pieces: encodeSafetensors(momentum, { exact: true }) },
    { name: PROGRESS_FILE, pieces: [encodeJson(progress)] },
  ];
  const sums = files.map(({ name, pieces }) => [
    name,
    { bytes: pieces.reduce((sum, { length }) => sum + length, 0), sha256: sha256(pieces) },
  ]);
  const manifest = { format: FORMAT, version: VERSION, files: Object.fromEntries(sums) };
  return [...files, { name: MANIFEST, pieces: [encodeJson(manifest)] }];
}

const encodeJson = (value: object): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value, undefined, 1)}\n`);

/** Reads a checkpoint and checks every byte of it; throws a FileError that says what is wrong. */
export function decodeCheckpoint(place: CheckpointPlace, sha256: Sha256): Checkpoint {
  const sums = readManifest(place);
  const file = (name: string): [Uint8Array, string] => [readChecked(place, name, sums, sha256), `${place.path}/${name}`];
  const [progress, progressFile] = file(PROGRESS_FILE);
  return {
    model: decodeSafetensors(...file(WEIGHTS_FILE)),
    momentum: decodeSafetensors(...file(MOMENTUM_FILE)),
    progress: parseProgress(new TextDecoder().decode(progress), progressFile),
  };
}

type Sums = Readonly<Record<string, unknown>>;

function readManifest(place: CheckpointPlace): Sums {
  const bytes = place.read(MANIFEST, MAX_MANIFEST);
  if (bytes === undefined) throw new FileError(`${place.path} has no ${MANIFEST}; it is not a checkpoint, or not all of one`);
  const file = `${place.path}/${MANIFEST}`;
  const manifest = parseObject(new TextDecoder().decode(bytes), file);
  if (manifest.format !== FORMAT)
    throw new FileError(`${file} has format ${JSON.stringify(manifest.format)}, but "${FORMAT}" is needed`);
  if (manifest.version !== VERSION)
    throw new FileError(`${file} has version ${JSON.stringify(manifest.version)}, but this program reads version ${VERSION}`);
  if (!isObject(manifest.files)) throw new FileError(`${file} does not list the checkpoint's files; it is damaged`);
  return manifest.files;
}

function readChecked(place: CheckpointPlace, name: string, sums: Sums, sha256: Sha256): Uint8Array {
  const file = `${place.path}/${name}`;
  const expected = sums[name];
  if (!isObject(expected)) throw new FileError(`${place.path}/${MANIFEST} does not list ${name}; it is damaged`);
  const bytes = place.read(name);
  if (bytes === undefined) throw new FileError(`${place.path} has no ${name}; it is not all of a checkpoint`);
  if (bytes.length !== expected.bytes)
    throw new FileError(`${file} has ${bytes.length} bytes, but ${String(expected.bytes)} were written; it is damaged`);
  if (sha256([bytes]) !== expected.sha256)
    throw new FileError(`${file} is not what was written (its SHA-256 differs); it is damaged`);
  return bytes;
}

/**
 * The newest of a run's checkpoints that can be read, by names from old to new, with the sentences of the newer ones that cannot. A run
 * that has none gives undefined; one whose checkpoints are all damaged throws a FileError.
 */
export function newestWhole(
  run: string,
  names: readonly string[],
  read: (name: string) => Checkpoint,
): { readonly name: string; readonly checkpoint: Checkpoint; readonly damaged: readonly string[] } | undefined {
  const damaged: string[] = [];
  for (const name of [...names].reverse()) {
    try {
      return { name, checkpoint: read(name), damaged };
    } catch (error) {
      damaged.push(error instanceof Error ? error.message : String(error));
    }
  }
  if (damaged.length > 0) throw new FileError(`no checkpoint of ${run} can be read: ${damaged.join('; ')}`);
  return undefined;
}
