/**
 * What decides how a network is trained, as plain data that fits into a JSON file. The folder owns the training run: recipes, the loop,
 * evaluation, checkpoints, metrics and curves. It does not know the command line, nor how a data set is found.
 */

/** Everything that the loop and the optimizer need to know. */
export interface TrainingSettings {
  /** Images that one step sees. */
  readonly batchSize: number;
  /** Parts that a batch is cut into; their gradients are added up. Batch norm sees one part at a time. */
  readonly accumulate: number;
  /** Passes over the training images. */
  readonly epochs: number;
  /** Ends after so many steps, however many epochs they take; null: after `epochs`. */
  readonly steps: number | null;
  /** The highest rate. */
  readonly learningRate: number;
  /** Share of the old velocity in the new one. */
  readonly momentum: number;
  /** Whether momentum is Nesterov's. */
  readonly nesterov: boolean;
  /** lambda of the L2 penalty lambda / 2 * |w|^2. */
  readonly weightDecay: number;
  /** Whether biases and the gamma and beta of norms decay too. */
  readonly decayNorms: boolean;
  /** From 0 (none) to 1. */
  readonly labelSmoothing: number;
  /** How the rate changes over the run. */
  readonly rate: RateSettings;
  /** Training images held out; the error on them, not the test error, chooses the best checkpoint and ends plateaus. */
  readonly validation: number;
  /** Whether every epoch has another order. */
  readonly shuffle: boolean;
  /** Of weights, order and augmentation. */
  readonly seed: number;
}

/** How the learning rate goes on from its highest value. */
export interface RateSettings {
  /** Constant, along a cosine, by steps, or lower whenever the error stops falling. */
  readonly schedule: 'constant' | 'cosine' | 'steps' | 'plateau';
  /** steps: at these steps the rate is multiplied by `factor`. */
  readonly milestones: readonly number[];
  /** steps and plateau: what the rate is multiplied by. */
  readonly factor: number;
  /** plateau: evaluations in a row that may bring nothing new. */
  readonly patience: number;
  /** Share of all steps in which the rate rises in a straight line; not used where `warmUpRate` is given. */
  readonly warmUp: number;
  /** A constant rate until the training error of the last hundred steps is below `warmUpError`; null: no such beginning. */
  readonly warmUpRate: number | null;
  /** The training error that ends such a beginning, from 0 to 1. */
  readonly warmUpError: number;
}

/** What `train` does without a recipe: good for the built-in data set and for a first look at another. */
export const DEFAULT_SETTINGS: TrainingSettings = {
  batchSize: 32,
  accumulate: 1,
  epochs: 8,
  steps: null,
  learningRate: 0.05,
  momentum: 0.9,
  nesterov: false,
  weightDecay: 1e-4,
  decayNorms: true,
  labelSmoothing: 0,
  rate: {
    schedule: 'cosine',
    milestones: [],
    factor: 0.1,
    patience: 5,
    warmUp: 0.025,
    warmUpRate: null,
    warmUpError: 0.8,
  },
  validation: 0,
  shuffle: true,
  seed: 0,
};
