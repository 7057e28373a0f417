/** metrics.jsonl: a line of JSON for every step and every epoch, written as the run goes. */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync } from 'node:fs';
import { readText } from '../disk/readWhole.ts';
import { FileError, reason } from '../disk/reason.ts';
import { writeAll } from '../disk/writeWhole.ts';
import { type EpochRecord, isEpochRecord } from './progress.ts';

/** The longest text that Node can hold; three million steps. */
const MAX_METRICS = 2 ** 29 - 24;

/** What stands in a line of one step. */
export interface StepRecord {
  readonly step: number;
  readonly epoch: number;
  readonly learningRate: number;
  readonly loss: number;
  readonly error: number;
  readonly imagesPerSecond: number;
}

/** Appends lines to a file; `bytes` is its length, which a checkpoint remembers. */
export class Metrics {
  bytes: number;
  private readonly descriptor: number;

  /** Goes on behind the first `bytes` of the file: what a killed run wrote after its last checkpoint is cut off. */
  constructor(
    private readonly file: string,
    bytes = 0,
  ) {
    this.descriptor = attempt(file, () => openSync(file, 'a+'));
    const length = fstatSync(this.descriptor).size;
    if (length < bytes) {
      closeSync(this.descriptor);
      throw new FileError(
        `${file} has ${length} bytes, but the checkpoint was written when it had ${bytes}; put the file back, or remove the run and begin anew`,
      );
    }
    attempt(file, () => ftruncateSync(this.descriptor, bytes));
    this.bytes = bytes;
  }

  step(record: StepRecord): void {
    this.append({ kind: 'step', ...record });
  }

  epoch(record: EpochRecord): void {
    this.append({ kind: 'epoch', ...record });
  }

  /** Returns when the disk has every line. */
  flush(): void {
    attempt(this.file, () => fsyncSync(this.descriptor));
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private append(record: object): void {
    const line = new TextEncoder().encode(`${JSON.stringify(record)}\n`);
    attempt(this.file, () => writeAll(this.descriptor, line));
    this.bytes += line.length;
  }
}

function attempt<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new FileError(`cannot write ${file}: ${reason(error)}`);
  }
}

/** The records of a metrics file. A last line that a killed run left unfinished is passed over; any other damage throws a FileError. */
export function readMetrics(file: string): { readonly epochs: readonly EpochRecord[]; readonly losses: readonly number[] } {
  const text = readText(file, MAX_METRICS);
  const [epochs, losses]: [EpochRecord[], number[]] = [[], []];
  for (const [k, line] of text.split('\n').slice(0, -1).entries()) {
    const record = parseLine(line, k, file);
    const { kind, ...rest } = record;
    if (kind === 'epoch' && isEpochRecord(rest)) epochs.push(rest);
    else if (kind === 'step' && typeof record.loss === 'number') losses.push(record.loss);
    else throw new FileError(`${file} has a line ${k + 1} that is neither a step nor an epoch; it is damaged or another file`);
  }
  return { epochs, losses };
}

function parseLine(line: string, k: number, file: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return { ...value };
  } catch {
    // said below
  }
  throw new FileError(`${file} has a line ${k + 1} that is not a JSON object; it is damaged or another file`);
}
