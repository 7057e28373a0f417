/** metrics.jsonl on the disk, written as the run goes. */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync } from 'node:fs';
import { readText } from '../disk/readWhole.ts';
import { FileError, reason } from '../disk/reason.ts';
import { writeAll } from '../disk/writeWhole.ts';
import { epochLine, type MetricsLog, type MetricsRecords, parseMetrics, type StepRecord, stepLine } from './metricsLog.ts';
import type { EpochRecord } from './progress.ts';

/** The longest text that Node can hold; three million steps. */
const MAX_METRICS = 2 ** 29 - 24;

/** Appends lines to a file; `bytes` is its length, which a checkpoint remembers. */
export class Metrics implements MetricsLog {
  /** The length of the file. */
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

  /** Appends the record of a step. */
  step(record: StepRecord): void {
    this.append(stepLine(record));
  }

  /** Appends the record of an epoch. */
  epoch(record: EpochRecord): void {
    this.append(epochLine(record));
  }

  /** Returns when the disk has every line. */
  flush(): void {
    attempt(this.file, () => fsyncSync(this.descriptor));
  }

  /** Ends the writing; nothing can be appended after it. */
  close(): void {
    closeSync(this.descriptor);
  }

  private append(line: string): void {
    const bytes = new TextEncoder().encode(line);
    attempt(this.file, () => writeAll(this.descriptor, bytes));
    this.bytes += bytes.length;
  }
}

function attempt<T>(file: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw new FileError(`cannot write ${file}: ${reason(error)}`);
  }
}

/** The records of a metrics file; throws a FileError. */
export function readMetrics(file: string): MetricsRecords {
  return parseMetrics(readText(file, MAX_METRICS), file);
}
