/** The lines of metrics.jsonl, a JSON object for every step and every epoch; metrics.ts has the file. */
import { FileError } from '../disk/reason.ts';
import { parseObject } from './json.ts';
import { type EpochRecord, isEpochRecord } from './progress.ts';

/** What stands in a line of one step. */
export interface StepRecord {
  /** Steps taken, this one included. */
  readonly step: number;
  /** From 1 on. */
  readonly epoch: number;
  /** That of the step. */
  readonly learningRate: number;
  /** Mean over the step's images, with the weights from before it. */
  readonly loss: number;
  /** The share of the step's images that were wrong, from 0 to 1. */
  readonly error: number;
  /** Of this step alone, without the waiting for data. */
  readonly imagesPerSecond: number;
}

/** Where the loop's metrics go. */
export interface MetricsLog {
  /** Length of all lines so far, which a checkpoint remembers. */
  readonly bytes: number;
  /** Takes the record of a step. */
  step(record: StepRecord): void;
  /** Takes the record of an epoch. */
  epoch(record: EpochRecord): void;
  /** Returns when every line is safe. */
  flush(): void;
}

export const stepLine = (record: StepRecord): string => `${JSON.stringify({ kind: 'step', ...record })}\n`;
export const epochLine = (record: EpochRecord): string => `${JSON.stringify({ kind: 'epoch', ...record })}\n`;

/** Metrics in memory, for pages; goes on behind the lines of `before`. */
export class MemoryMetrics implements MetricsLog {
  private readonly lines: string[];
  private length: number;

  /** `before` is the text so far, whole lines. */
  constructor(before = '') {
    this.lines = [before];
    this.length = bytesOf(before);
  }

  /** The length of the text in UTF-8. */
  get bytes(): number {
    return this.length;
  }

  /** What metrics.jsonl would hold. */
  get text(): string {
    return this.lines.join('');
  }

  /** Appends the record of a step. */
  step(record: StepRecord): void {
    this.append(stepLine(record));
  }

  /** Appends the record of an epoch. */
  epoch(record: EpochRecord): void {
    this.append(epochLine(record));
  }

  /** Returns at once. */
  flush(): void {
    // memory is as safe as it gets
  }

  private append(line: string): void {
    this.lines.push(line);
    this.length += bytesOf(line);
  }
}

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** The records of a run, apart. */
export interface MetricsRecords {
  /** Of steps, in order. */
  readonly steps: readonly StepRecord[];
  /** Of epochs, in order. */
  readonly epochs: readonly EpochRecord[];
}

/** The records of a metrics file's text. A last line that a killed run left unfinished is passed over; any other damage throws a FileError. */
export function parseMetrics(text: string, file: string): MetricsRecords {
  const [epochs, steps]: [EpochRecord[], StepRecord[]] = [[], []];
  for (const [k, line] of text.split('\n').slice(0, -1).entries()) {
    const { kind, ...record } = parseObject(line, `${file} has a line ${k + 1} that`);
    if (kind === 'epoch' && isEpochRecord(record)) epochs.push(record);
    else if (kind === 'step' && isStepRecord(record)) steps.push(record);
    else throw new FileError(`${file} has a line ${k + 1} that is neither a step nor an epoch; it is damaged or another file`);
  }
  return { steps, epochs };
}

function isStepRecord(record: object): record is StepRecord {
  const { step, epoch, learningRate, loss, error, imagesPerSecond }: Partial<StepRecord> = record;
  return [step, epoch, learningRate, loss, error, imagesPerSecond].every((value) => typeof value === 'number');
}
