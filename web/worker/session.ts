/**
 * One run in the worker: the loop of tapegrad/training, interrupted wherever somebody wants to look at the network, and gone on with
 * afterwards. Whatever uses the network takes its turn, so that nothing is recorded in the middle of a step.
 */
import type { Tensor } from 'tapegrad';
import { DataLoader, type Dataset, holdOut, subset } from 'tapegrad/data';
import { type CifarResNet, cifarResnet } from 'tapegrad/models';
import { SGD, withoutDecay } from 'tapegrad/optim';
import {
  beginning,
  type Checkpoint,
  evaluate,
  imageTransforms,
  isFinished,
  LearningRate,
  MemoryMetrics,
  type Normalisation,
  type Progress,
  type RunSettings,
  restore,
  type StepReport,
  type TrainingRun,
  train,
} from 'tapegrad/training';
import type { Choice, Rest, TrainingEvent } from '../protocol.ts';
import type { PageImages } from './images.ts';

/** An evaluation keeps no gradients, so more images fit. */
const LEAST_EVALUATION_BATCH = 50;

/** A run at some moment: what a file holds. */
export interface Moment {
  readonly settings: RunSettings;
  readonly checkpoint: Checkpoint;
  readonly metrics: string;
  readonly mean: Normalisation['mean'];
}

export class Session {
  readonly model: CifarResNet;
  readonly testImages: Dataset;
  readonly transforms: ReturnType<typeof imageTransforms>;
  private run: TrainingRun;
  private progress: Progress;
  private readonly metrics: MemoryMetrics;
  private kept: Pick<Moment, 'checkpoint' | 'metrics'> | undefined;
  private turns: Promise<unknown> = Promise.resolve();
  private waiting = 0;
  private pausing = new AbortController();
  private lastStep = 0;
  private report: (event: TrainingEvent) => void = () => undefined;
  /** Called after a step, before anything else uses the device. */
  private afterStep: (step: StepReport) => void = () => undefined;
  /** Called with a step's loss before it runs. */
  private onRecord: (loss: Tensor) => void = () => undefined;

  constructor(
    choice: Choice,
    private settings: RunSettings,
    images: PageImages,
    private readonly normalisation: Normalisation,
    saved?: Pick<Moment, 'checkpoint' | 'metrics'>,
  ) {
    const { kind, depth, shortcut, width } = choice;
    const { seed, validation, batchSize, accumulate, shuffle } = settings;
    const parts = holdOut(images.training.length, validation, seed);
    const training = subset(images.training, parts.training);
    this.testImages = images.test ?? subset(images.training, parts.heldOut);
    this.transforms = imageTransforms(settings, normalisation);
    const { classes } = training;
    const form = kind === 'plain' ? 'none' : shortcut;
    this.model = cifarResnet({ depth, width, shortcut: form, classes: classes.length, seed });
    const loader = new DataLoader(training, {
      batchSize: batchSize / accumulate,
      shuffle,
      seed,
      transform: this.transforms.training,
    });
    this.metrics = new MemoryMetrics(saved?.metrics);
    const taken = saved?.checkpoint.progress.step ?? 0; // more than the settings say where the command line was given more
    this.run = this.assemble(loader, images.test === undefined ? 'validation' : 'test', taken);
    this.progress = saved?.checkpoint.progress ?? beginning(this.run);
    this.kept = saved;
    if (saved !== undefined) restore(this.run, saved.checkpoint);
  }

  private assemble(loader: DataLoader, split: 'validation' | 'test', leastSteps: number): TrainingRun {
    const { settings, model } = this;
    const { learningRate, momentum, nesterov, weightDecay, decayNorms, labelSmoothing, accumulate } = settings;
    const parameters = decayNorms ? model.parameters() : withoutDecay(model.parameters());
    const steps = settings.steps ?? settings.epochs * Math.ceil(loader.length / accumulate);
    const totalSteps = Math.max(steps, leastSteps);
    return {
      model,
      optimizer: new SGD(parameters, { learningRate, momentum, nesterov, weightDecay }),
      rate: new LearningRate(settings, totalSteps),
      loader,
      accumulate,
      labelSmoothing,
      totalSteps,
      heldOut: () => this.test(split),
      evaluateEvery: settings.evaluateEvery,
      metrics: this.metrics,
      save: async (checkpoint) => {
        this.kept = { checkpoint, metrics: this.metrics.text };
      },
      checkpointEvery: Number.POSITIVE_INFINITY, // after each epoch, and whenever the loop stops
      stopped: () => this.resting || this.waiting > 0,
      onRecord: (loss) => this.onRecord(loss),
      onStep: (step) => this.takeStep(step),
      onEpoch: ({ step, epoch, heldOut }) => this.report({ kind: 'epoch', step, epoch, testError: heldOut?.error }),
    };
  }

  get totalSteps(): number {
    return this.run.totalSteps;
  }

  get trainingImages(): number {
    return this.run.loader.images;
  }

  get parameters(): number {
    return this.model.parameters().reduce((sum, { size }) => sum + size, 0);
  }

  /** The run as it was when the loop last stopped or ended an epoch; undefined before that. */
  get moment(): Moment | undefined {
    const { settings, normalisation, kept } = this;
    return kept && { settings, mean: normalisation.mean, ...kept };
  }

  private get resting(): boolean {
    return this.pausing.signal.aborted || this.progressed >= this.lastStep;
  }

  /** Steps taken; the loop's own count comes back only when it stops. */
  private progressed = 0;

  /** Trains for so many steps, or to the end of the run. */
  async go(steps: number, report: (event: TrainingEvent) => void): Promise<Rest> {
    this.report = report;
    this.pausing = new AbortController();
    this.progressed = this.progress.step;
    this.lastStep = this.progress.step + steps;
    while (!isFinished(this.run, this.progress) && !this.resting) {
      await this.inTurn(async () => {
        this.progress = await train(this.run, this.progress);
      });
    }
    return isFinished(this.run, this.progress) ? 'finished' : 'paused';
  }

  pause(): void {
    this.pausing.abort();
  }

  /** Waits for the step under way, and for everybody who came before. */
  async inTurn<T>(body: () => Promise<T>): Promise<T> {
    this.waiting += 1;
    const before = this.turns;
    const mine = before.then(() => {
      this.waiting -= 1;
      return body();
    });
    this.turns = mine.catch(() => undefined);
    return mine;
  }

  setLearningRate(learningRate: number): Promise<void> {
    return this.inTurn(async () => {
      this.settings = { ...this.settings, learningRate };
      const rate = new LearningRate(this.settings, this.run.totalSteps);
      rate.loadStateDict(this.run.rate.stateDict());
      this.run = { ...this.run, rate };
    });
  }

  /** Takes one step; `look` sees its loss before it runs and then the device as the step has left it. */
  async watchStep<T>(report: (event: TrainingEvent) => void, look: { record(loss: Tensor): void; after(): T }): Promise<T> {
    const seen: T[] = [];
    this.onRecord = (loss) => look.record(loss);
    this.afterStep = () => seen.push(look.after());
    try {
      await this.go(1, report);
    } finally {
      this.onRecord = () => undefined;
      this.afterStep = () => undefined;
    }
    const [first] = seen;
    if (first === undefined) throw new Error('all steps of the run are taken; begin another one');
    return first;
  }

  private takeStep(step: StepReport): void {
    this.progressed = step.step;
    this.afterStep(step);
    const error = 1 - step.correct / step.images;
    this.report({
      kind: 'step',
      step: step.step,
      epoch: step.epoch,
      loss: step.loss,
      error,
      imagesPerSecond: step.imagesPerSecond,
    });
  }

  private async test(split: 'validation' | 'test'): ReturnType<NonNullable<TrainingRun['heldOut']>> {
    const { signal } = this.pausing;
    const { classes } = this.testImages;
    const batchSize = Math.max(this.settings.batchSize, LEAST_EVALUATION_BATCH);
    const loader = new DataLoader(this.testImages, { batchSize, transform: this.transforms.evaluation });
    try {
      const { loss, top1 } = await evaluate([this.model], [loader], { classes: classes.length, signal });
      return { split, loss, error: 1 - top1 };
    } catch (error) {
      if (signal.aborted) return undefined;
      throw error;
    }
  }
}
