/**
 * What the page and its worker say to each other: plain data only, since every value is copied on its way. The folder owns the playground;
 * its root and views/ know the page but no tensor, worker/ knows tensors but no page.
 */

/** What a person chose. */
export interface Choice {
  readonly kind: 'resnet' | 'plain';
  /** 6n + 2 */
  readonly depth: number;
  /** Of a residual network. */
  readonly shortcut: 'A' | 'B' | 'C';
  /** Channels of the first stage. */
  readonly width: number;
  readonly dataset: DatasetName;
  readonly augment: boolean;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly epochs: number;
  readonly seed: number;
  readonly machine: Machine;
}

export type DatasetName = 'synthetic' | 'cifar10' | 'imagefolder';

export interface Machine {
  readonly device: 'auto' | 'webgpu' | 'webgl2' | 'simd';
  /** Of simd; all cores when undefined. */
  readonly threads: number | undefined;
}

/** Images that a person gave. */
export interface DataFacts {
  readonly dataset: DatasetName;
  readonly classes: readonly string[];
  readonly training: number;
  readonly test: number;
  /** Pictures that could not be read. */
  readonly skipped: number;
}

/** A run that is ready. */
export interface RunFacts {
  readonly choice: Choice;
  readonly device: string;
  /** Undefined where the device has none. */
  readonly threads: number | undefined;
  readonly parameters: number;
  readonly trainingImages: number;
  readonly totalSteps: number;
  /** Newer checkpoints of a saved run that were damaged and passed over. */
  readonly damaged: readonly string[];
}

export type TrainingEvent =
  | {
      readonly kind: 'step';
      /** Steps taken, this one included. */
      readonly step: number;
      /** From 1 on. */
      readonly epoch: number;
      readonly loss: number;
      /** Share of the step's images that were wrong. */
      readonly error: number;
      readonly imagesPerSecond: number;
    }
  | { readonly kind: 'epoch'; readonly step: number; readonly epoch: number; readonly testError: number | undefined };

/** Why training came to rest. */
export type Rest = 'finished' | 'paused';

/** What the network is like between two steps. */
export interface Inspection {
  readonly predictions: readonly Prediction[];
  readonly layers: readonly LayerFacts[];
  /** Of the first layer, each [3, h, w]. */
  readonly filters: readonly Picture[];
}

export interface Prediction {
  /** As the data set has it: values from 0 to 1. */
  readonly picture: Picture;
  readonly label: string;
  readonly answer: string;
  /** Its probability. */
  readonly confidence: number;
}

export interface LayerFacts {
  readonly name: string;
  readonly std: number;
  readonly gradientStd: number;
}

/** Red, green and blue, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly pixels: Float32Array;
}

/** A class with its probability. */
export interface Likelihood {
  readonly label: string;
  readonly probability: number;
}

/** One training step, measured. */
export interface StepText {
  readonly tape: string;
  readonly plan: string;
  /** Milliseconds by op, the slowest first. */
  readonly times: readonly { readonly op: string; readonly count: number; readonly milliseconds: number }[];
}

/** What the worker does for the page. Every call rejects with a sentence for a person. */
export interface Trainer {
  /** Takes CIFAR-10's files: the official archive, or .bin files. */
  readCifar(files: readonly File[], onProgress: (share: number) => void): Promise<DataFacts>;
  /** Takes pictures, each in a folder named after its class. */
  readPictures(files: readonly PictureFile[], onProgress: (done: number) => void): Promise<DataFacts>;
  /** Builds a run; one that was open before is given up. */
  open(choice: Choice): Promise<RunFacts>;
  /** Opens a run that `save` wrote, or the command line. */
  load(archive: File, machine: Machine): Promise<RunFacts>;
  /** Opens the run that failed once more, from its last epoch on. */
  recover(machine: Machine): Promise<RunFacts>;
  /** What happened before, when the run was saved once, from the `first` event on; some thousands at once, and none behind the last one. */
  history(first: number): Promise<readonly TrainingEvent[]>;
  /** Trains on, for so many steps or to the end. */
  go(steps: number, onEvent: (event: TrainingEvent) => void): Promise<Rest>;
  /** Ends `go` after the step that is under way. */
  pause(): void;
  setLearningRate(learningRate: number): Promise<void>;
  /** Looks between two steps. */
  inspect(): Promise<Inspection>;
  /** Takes one training step. */
  measure(onEvent: (event: TrainingEvent) => void): Promise<StepText>;
  /** What the network takes a 32 x 32 picture for, the likeliest first. */
  classify(picture: Picture): Promise<readonly Likelihood[]>;
  /** The run as a file. */
  save(): Promise<{ readonly name: string; readonly bytes: Uint8Array }>;
  /** Gives the run up. */
  close(): Promise<void>;
}

/** A picture with the path that a person's folder gives it. */
export interface PictureFile {
  readonly path: string;
  readonly file: File;
}
