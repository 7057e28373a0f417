/** How far a run has come: plain data that goes into a checkpoint as JSON. */
import { FileError } from '../disk/reason.ts';
import { isObject } from './json.ts';
import type { RateState } from './rate.ts';

/** One pass over the training images. */
export interface EpochRecord {
  /** From 1 on. */
  readonly epoch: number;
  /** Steps taken when it ended. */
  readonly step: number;
  /** Of its last step. */
  readonly learningRate: number;
  /** Mean over its images, each seen by the weights of its step, as the paper plots it. */
  readonly trainLoss: number;
  readonly trainError: number;
  /** On the held-out images after the epoch; null where none was evaluated. */
  readonly heldOut: HeldOut | null;
  readonly seconds: number;
  readonly imagesPerSecond: number;
}

export interface HeldOut {
  readonly split: 'validation' | 'test';
  readonly loss: number;
  readonly error: number;
}

export interface Progress {
  /** Steps taken. */
  readonly step: number;
  /** The epoch that the next step belongs to, from 0. */
  readonly epoch: number;
  /** The batch of that epoch which comes next. */
  readonly batch: number;
  /** Of the last step. */
  readonly learningRate: number;
  /** Of that epoch so far. */
  readonly sums: { readonly loss: number; readonly correct: number; readonly images: number; readonly seconds: number };
  readonly rate: RateState;
  /** Steps that the optimizer counts. */
  readonly optimizerSteps: number;
  /** Of the network's generators (dropout), by path. Order and augmentation need none: they are drawn from seed, epoch and image. */
  readonly random: Readonly<Record<string, readonly number[]>>;
  readonly best: { readonly step: number; readonly error: number } | null;
  readonly history: readonly EpochRecord[];
  /** Length of metrics.jsonl at this moment. */
  readonly metricsBytes: number;
  /** How many images are trained on: another number would be other data. */
  readonly images: number;
  /** Device and kernel form: on another one the same seed gives other bits. */
  readonly device: string;
}

/** Throws a FileError for anything but what a checkpoint of this version holds. */
export function parseProgress(text: string, file: string): Progress {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FileError(`${file} is not JSON; it is damaged`);
  }
  if (!isProgress(value)) throw new FileError(`${file} does not hold the progress of a run; it is damaged or of another program`);
  return value;
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && isNumber(value) && value >= 0;
const isList = (value: unknown, item: (value: unknown) => boolean): boolean => Array.isArray(value) && value.every(item);
const isNullOr = (value: unknown, item: (value: unknown) => boolean): boolean => value === null || item(value);
const has = (value: unknown, fields: Readonly<Record<string, (value: unknown) => boolean>>): boolean =>
  isObject(value) && Object.entries(fields).every(([name, holds]) => holds(value[name]));

function isProgress(value: unknown): value is Progress {
  return has(value, {
    step: isCount,
    epoch: isCount,
    batch: isCount,
    learningRate: isNumber,
    sums: (sums) => has(sums, { loss: isNumber, correct: isCount, images: isCount, seconds: isNumber }),
    rate: isRateState,
    optimizerSteps: isCount,
    random: (random) => isObject(random) && Object.values(random).every((state) => isList(state, isNumber)),
    best: (best) => isNullOr(best, (each) => has(each, { step: isCount, error: isNumber })),
    history: (history) => isList(history, isEpochRecord),
    metricsBytes: isCount,
    images: isCount,
    device: (device) => typeof device === 'string',
  });
}

function isRateState(value: unknown): boolean {
  const isPlateau = (state: unknown): boolean =>
    has(state, { learningRate: isNumber, best: (best) => isNullOr(best, isNumber), waited: isCount });
  return has(value, {
    warmUpErrors: (errors) => isNullOr(errors, (each) => isList(each, isNumber)),
    plateau: (plateau) => isNullOr(plateau, isPlateau),
  });
}

export function isEpochRecord(value: unknown): value is EpochRecord {
  const isHeldOut = (heldOut: unknown): boolean =>
    has(heldOut, { split: (split) => split === 'validation' || split === 'test', loss: isNumber, error: isNumber });
  return has(value, {
    epoch: isCount,
    step: isCount,
    learningRate: isNumber,
    trainLoss: isNumber,
    trainError: isNumber,
    heldOut: (heldOut) => isNullOr(heldOut, isHeldOut),
    seconds: isNumber,
    imagesPerSecond: isNumber,
  });
}
