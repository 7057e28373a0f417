/** What the images of a run are to the rest of the command line, wherever they come from; and what all sources of them do alike. */
import type { DataLoader } from '../data/index.ts';
import type { Normalisation, RunSettings } from '../training/index.ts';
import type { RunOptions } from './options.ts';

export type Split = 'train' | 'test';

/** Images to evaluate on, ready for the network. */
export interface EvaluationData {
  readonly split: 'validation' | 'train' | 'test';
  readonly classes: readonly string[];
  /** Consecutive images that show the same picture. */
  readonly viewsPerImage: number;
  /** Fresh loaders, one for each scale. */
  passes(): DataLoader[];
  close(): Promise<void>;
}

export interface TrainingData {
  readonly classes: readonly string[];
  /** Height and width. */
  readonly side: number;
  /** Images to train on. */
  readonly count: number;
  readonly normalisation: Normalisation;
  training(batchSize: number): DataLoader;
  /** What is evaluated after each epoch: the validation images where some are held out, else the test images, if there are any. */
  readonly heldOut: (EvaluationData & { readonly split: 'validation' | 'test' }) | undefined;
  close(): Promise<void>;
}

/** How an evaluation looks at each picture. */
export type Views = 'single' | 'ten-crop' | 'multi-scale';

/** Settings that images depend on. */
export type ImageSettings = Pick<RunSettings, 'dataset' | 'data' | 'seed' | 'limit' | 'size' | 'batchSize'>;
export type ReadOptions = Pick<RunOptions, 'workers' | 'skip'>;

/** An evaluation keeps no gradients, so more images fit. */
const LEAST_EVALUATION_BATCH = 50;

export const evaluationBatch = (batchSize: number): number => Math.max(batchSize, LEAST_EVALUATION_BATCH);

/** A data set may have no test images; then there is nothing to evaluate on, and the run says so. */
export function testIfAny(open: () => EvaluationData): TrainingData['heldOut'] {
  try {
    return { ...open(), split: 'test' };
  } catch (error) {
    console.error(`no evaluation: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}
