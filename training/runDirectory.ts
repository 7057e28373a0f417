/** The directory of a run on the disk; runNames.ts says what lies where. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { makeDirectory } from '../disk/makeDirectory.ts';
import { readText } from '../disk/readWhole.ts';
import { FileError, reason } from '../disk/reason.ts';
import { writeWhole } from '../disk/writeWhole.ts';
import { finishReplacement, isLeftover, readCheckpoint, removeCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { type Checkpoint, newestWhole } from './checkpointFormat.ts';
import type { Progress } from './progress.ts';
import { CHECKPOINTS, checkpointName, checkpointNames, REPLACEMENT, SETTINGS_FILE, stepOf } from './runNames.ts';
import { encodeSettings, parseSettings, type RunSettings } from './runSettings.ts';

const MAX_SETTINGS = 1_000_000;

/** A checkpoint on the disk. */
export interface Found {
  /** Where it lies. */
  readonly directory: string;
  /** What it holds. */
  readonly checkpoint: Checkpoint;
  /** Newer ones that could not be read, each with its sentence. */
  readonly damaged: readonly string[];
}

/** The directory of a run on the disk: settings, metrics and checkpoints. */
export class RunDirectory {
  /** `path` need not exist yet: `create` makes it. */
  constructor(
    /** As given. */
    readonly path: string,
  ) {}

  /** The last part of its path: what the run is called in pictures. */
  get name(): string {
    return basename(resolve(this.path));
  }

  /** Makes the directory. Throws a FileError where it cannot be written, or holds a run already. */
  create(settings: object): void {
    if (existsSync(join(this.path, SETTINGS_FILE)))
      throw new FileError(`${this.path} holds a run already; go on with it by --resume ${this.path}, or choose another --out`);
    try {
      makeDirectory(join(this.path, CHECKPOINTS));
    } catch (error) {
      throw new FileError(`cannot make the directory ${this.path}: ${reason(error)}`);
    }
    writeWhole(this.file(SETTINGS_FILE), [encodeSettings(settings)]);
  }

  /** The path of a file in it. */
  file(name: string): string {
    return join(this.path, name);
  }

  /** The settings of a run that `train --out` began. Throws a FileError for a directory of anything else. */
  settings(): RunSettings {
    const file = this.file(SETTINGS_FILE);
    if (!existsSync(this.path)) throw new FileError(`the directory ${this.path} does not exist; give one that train --out wrote`);
    if (!existsSync(file)) throw new FileError(`${this.path} has no ${SETTINGS_FILE}; give a directory that train --out wrote`);
    return parseSettings(readText(file, MAX_SETTINGS), file);
  }

  /**
   * The newest checkpoint that is whole. A run that has none yet gives undefined; one whose checkpoints are all damaged throws a
   * FileError.
   */
  newest(): Found | undefined {
    const found = newestWhole(this.path, this.checkpoints(), readCheckpoint);
    return found && { directory: found.name, checkpoint: found.checkpoint, damaged: found.damaged };
  }

  /**
   * Writes the checkpoint of this moment, of which it gives the path; then only the `keep` newest up to it and the best remain.
   * Throws a FileError.
   */
  save(checkpoint: Checkpoint, keep: number): string {
    const { step, best } = checkpoint.progress;
    const directory = this.checkpointAt(step);
    writeCheckpoint(directory, checkpoint);
    const older = this.steps().filter((each) => each <= step);
    for (const each of older.slice(0, -keep)) if (each !== best?.step) removeCheckpoint(this.checkpointAt(each));
    return directory;
  }

  /** Ends what a run began that was killed while it wrote, replaced or removed a checkpoint. */
  removeLeftovers(): void {
    for (const directory of this.checkpoints())
      if (directory.endsWith(REPLACEMENT)) finishReplacement(directory.slice(0, -REPLACEMENT.length));
    for (const name of this.entries())
      if (isLeftover(name)) rmSync(this.file(join(CHECKPOINTS, name)), { recursive: true, force: true });
  }

  /** The step of the newest checkpoint, whole or not. */
  newestStep(): number | undefined {
    return this.steps().at(-1);
  }

  /** The path of a step's checkpoint, whether there is one or not. */
  checkpointAt(step: number): string {
    return this.file(join(CHECKPOINTS, checkpointName(step)));
  }

  /** The directories of all checkpoints, oldest first; of two for the same step the replacement comes last. */
  private checkpoints(): string[] {
    return checkpointNames(this.entries()).map((name) => this.file(join(CHECKPOINTS, name)));
  }

  /** Steps that have a checkpoint, ascending. */
  private steps(): number[] {
    return checkpointNames(this.entries()).flatMap((name) => (name.endsWith(REPLACEMENT) ? [] : [stepOf(name)]));
  }

  private entries(): string[] {
    const directory = this.file(CHECKPOINTS);
    return existsSync(directory) ? readdirSync(directory) : [];
  }
}

/** The best checkpoint's directory, as the newest one knows it. */
export function bestCheckpoint(run: RunDirectory, { best, step }: Progress): string {
  return run.checkpointAt(best?.step ?? step);
}
