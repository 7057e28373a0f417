/**
 * A run in one file, for pages, which have no directories: a tar of what `train --out` leaves (runNames.ts), with the newest checkpoint and the best. `tar xf`
 * makes the directory of it that `train --resume` takes, and `tar cf` a file that a page takes.
 */
import { FileError } from '../disk/reason.ts';
import { encodeSafetensors, WeightsError } from '../models/browser.ts';
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint, newestWhole } from './checkpointFormat.ts';
import { decodeMean, encodeMean, type Normalisation } from './images.ts';
import { parseMetrics } from './metricsLog.ts';
import {
  CHECKPOINTS,
  checkpointName,
  checkpointNames,
  MEAN_FILE,
  METRICS_FILE,
  SETTINGS_FILE,
  WEIGHTS_FILE,
} from './runNames.ts';
import { encodeSettings, parseSettings, type RunSettings, settingsFile } from './runSettings.ts';
import { sha256 } from './sha256.ts';
import { readTar, writeTar } from './tar.ts';

/** What a run in one file holds. */
export interface SavedRun {
  /** The whole configuration. */
  readonly settings: RunSettings;
  /** The newest one. */
  readonly checkpoint: Checkpoint;
  /** The one with the smallest error on the held-out images, where it is another one and is known. */
  readonly best?: Checkpoint;
  /** The text of metrics.jsonl, as far as the checkpoint. */
  readonly metrics: string;
  /** What is subtracted from the pixels. */
  readonly mean: Normalisation['mean'];
}

/** A run read from a file. */
export interface LoadedRun extends SavedRun {
  /** Newer checkpoints that could not be read, each with its sentence. */
  readonly damaged: readonly string[];
}

/**
 * The bytes of a tar with the run in a folder called `name`; metrics from after the checkpoint are left out. Throws for a name
 * with slashes, and for metrics that end before the checkpoint.
 */
export function encodeRun(run: SavedRun & { readonly name: string }): Uint8Array {
  const { settings, checkpoint, best, metrics, mean, name } = run;
  const { metricsBytes } = checkpoint.progress;
  const lines = new TextEncoder().encode(metrics);
  if (lines.length < metricsBytes)
    throw new Error(`the metrics have ${lines.length} bytes, but ${metricsBytes} when the checkpoint was made; give all of them`);
  if (!/^[^/\\\0]+$/.test(name) || /^\.+$/.test(name))
    throw new Error(`${JSON.stringify(name)} cannot be the name of a run's folder; give one without slashes`);
  const files: [path: string, pieces: readonly Uint8Array[]][] = [
    [SETTINGS_FILE, [new TextEncoder().encode(encodeSettings(settingsFile(settings)))]],
    [METRICS_FILE, [lines.subarray(0, metricsBytes)]],
    [MEAN_FILE, encodeMean(mean)],
    [WEIGHTS_FILE, encodeSafetensors(checkpoint.model)], // so that none of an older archive stays where this one is unpacked
    ...[...(best === undefined ? [] : [best]), checkpoint].flatMap(checkpointFiles),
  ];
  return writeTar(new Map(files.map(([path, pieces]) => [`${name}/${path}`, joined(pieces)])));
}

function checkpointFiles(checkpoint: Checkpoint): [path: string, pieces: readonly Uint8Array[]][] {
  const folder = `${CHECKPOINTS}/${checkpointName(checkpoint.progress.step)}`;
  return encodeCheckpoint(checkpoint, sha256).map(({ name, pieces }) => [`${folder}/${name}`, pieces]);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/**
 * The run in a tar, at its newest checkpoint that is whole. Throws a FileError that says what is wrong; `name` is what the messages call
 * the tar.
 */
export function decodeRun(bytes: Uint8Array, name: string): LoadedRun {
  const files = readTar(bytes, name);
  const root = rootOf(files, name);
  const read = (path: string): Uint8Array => {
    const found = files.get(root + path);
    if (found === undefined) throw new FileError(`${name} has no ${root}${path}; save the run again`);
    return found;
  };
  const settings = parseSettings(new TextDecoder().decode(read(SETTINGS_FILE)), `${name}/${root}${SETTINGS_FILE}`);
  const { checkpoint, best, damaged } = checkpointsIn(files, `${root}${CHECKPOINTS}/`, name);
  const metrics = metricsAt(read(METRICS_FILE), checkpoint.progress.metricsBytes, `${name}/${root}${METRICS_FILE}`);
  const mean = typeof settings.mean === 'string' ? meanOf(read(MEAN_FILE), `${name}/${root}${MEAN_FILE}`) : settings.mean;
  return { settings, checkpoint, ...(best && { best }), metrics, mean, damaged };
}

/** By path. */
type Entries = ReadonlyMap<string, Uint8Array>;

/** The path of the run's directory, with a slash behind it; '' where the files lie at the top. */
function rootOf(files: Entries, name: string): string {
  const roots = [...files.keys()].flatMap((path) =>
    /(^|\/)settings\.json$/.test(path) ? [path.slice(0, -SETTINGS_FILE.length)] : [],
  );
  if (roots.length > 1)
    throw new FileError(`${name} holds ${roots.length} runs (${roots.join(', ')}); make a tar of one of them`);
  if (roots[0] !== undefined) return roots[0];
  throw new FileError(
    `${name} is not the tar of a run: it holds no ${SETTINGS_FILE}; give a file that was saved here, or that tar cf made of a run`,
  );
}

function checkpointsIn(files: Entries, folder: string, name: string): Pick<LoadedRun, 'checkpoint' | 'best' | 'damaged'> {
  const inside = [...files.keys()].flatMap((path) => (path.startsWith(folder) ? [path.slice(folder.length).split('/')[0]!] : []));
  const read = (each: string): Checkpoint =>
    decodeCheckpoint({ path: `${name}/${folder}${each}`, read: (file) => files.get(`${folder}${each}/${file}`) }, sha256);
  const found = newestWhole(`${name}/${folder}`, checkpointNames(new Set(inside)), read);
  if (found === undefined) throw new FileError(`${name} has no checkpoint in ${folder}; save the run after its first step`);
  const { best, step } = found.checkpoint.progress;
  return best === null || best.step === step ? found : { ...found, ...readIfWhole(() => read(checkpointName(best.step))) };
}

/** The run goes on without its best checkpoint where that is missing or damaged. */
function readIfWhole(read: () => Checkpoint): { readonly best?: Checkpoint } {
  try {
    return { best: read() };
  } catch {
    return {};
  }
}

function meanOf(bytes: Uint8Array, file: string): Normalisation['mean'] {
  try {
    return decodeMean(bytes, file);
  } catch (error) {
    throw error instanceof WeightsError ? new FileError(error.message) : error;
  }
}

function metricsAt(bytes: Uint8Array, length: number, file: string): string {
  if (bytes.length < length)
    throw new FileError(
      `${file} has ${bytes.length} bytes, but the checkpoint was written when it had ${length}; save the run again`,
    );
  const text = new TextDecoder().decode(bytes.subarray(0, length));
  parseMetrics(text, file);
  return text;
}
