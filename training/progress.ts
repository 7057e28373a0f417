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
  /** The share of these answers that were wrong, from 0 to 1. */
  readonly trainError: number;
  /** On the held-out images after the epoch; null where none was evaluated. */
  readonly heldOut: HeldOut | null;
  /** The time of its steps, without the waiting for data and the evaluation. */
  readonly seconds: number;
  /** Over that time. */
  readonly imagesPerSecond: number;
}

/** What an evaluation between epochs found. */
export interface HeldOut {
  /** Which images were held out. */
  readonly split: 'validation' | 'test';
  /** Mean cross-entropy. */
  readonly loss: number;
  /** The share of wrong answers, from 0 to 1. */
  readonly error: number;
}

/** How far a run has come, and what it needs to go on besides weights and momentum. */
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
  readonly sums: {
    /** Summed over the images. */
    readonly loss: number;
    /** Right answers. */
    readonly correct: number;
    /** Images seen. */
    readonly images: number;
    /** The time of the steps, without the waiting for data. */
    readonly seconds: number;
  };
  /** What the learning rate has learnt from errors. */
  readonly rate: RateState;
  /** Steps that the optimizer counts. */
  readonly optimizerSteps: number;
  /** Of the network's generators (dropout), by path. Order and augmentation need none: they are drawn from seed, epoch and image. */
  readonly random: Readonly<Record<string, readonly number[]>>;
  /** The evaluation with the smallest error; null before the first. */
  readonly best: {
    /** Steps taken by then. */
    readonly step: number;
    /** The share of wrong answers, from 0 to 1. */
    readonly error: number;
  } | null;
  /** The epochs that have ended. */
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

/** Whether a value, such as one read from JSON, has every part of an EpochRecord. */
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
