/** The training loop: epochs, evaluation after each, metrics, checkpoints, and going on from one. */
import { kernelForm, type Tensor } from '../core/index.ts';
import type { Batch, DataLoader } from '../data/index.ts';
import { loadRandomState, type Module, randomState } from '../nn/index.ts';
import type { SGD } from '../optim/index.ts';
import type { Checkpoint } from './checkpointFormat.ts';
import { allFinite, DivergenceError, divergence } from './divergence.ts';
import type { MetricsLog } from './metricsLog.ts';
import type { EpochRecord, HeldOut, Progress } from './progress.ts';
import type { LearningRate } from './rate.ts';
import { LossError, type StepScores, trainStep } from './step.ts';

/** What a run is made of. */
export interface TrainingRun {
  /** The network; it should be in training mode. */
  readonly model: Module;
  /** Holds the network's parameters; its rate is set before every step. */
  readonly optimizer: SGD;
  /** The learning rate of each step. */
  readonly rate: LearningRate;
  /** Batches of batchSize / accumulate images; `accumulate` of them make a step. */
  readonly loader: DataLoader;
  /** Batches that make a step. */
  readonly accumulate: number;
  /** That of the loss, from 0 (none) to 1. */
  readonly labelSmoothing: number;
  /** The run ends after so many steps. */
  readonly totalSteps: number;
  /** Evaluates the held-out images; gives undefined when it was stopped. */
  readonly heldOut?: () => Promise<HeldOut | undefined>;
  /** Evaluates after every so many epochs, and after the last. */
  readonly evaluateEvery: number;
  /** Where a record of each step and epoch goes. */
  readonly metrics?: MetricsLog;
  /** Writes a checkpoint. */
  readonly save?: (checkpoint: Checkpoint) => Promise<void>;
  /** Within epochs too, after every so many steps; after each epoch in any case. */
  readonly checkpointEvery: number;
  /** Whether to end after this step. */
  readonly stopped: () => boolean;
  /** Called with the loss of each part of a step, recorded but not run: for `describe`. */
  readonly onRecord?: (loss: Tensor) => void;
  /** Called after each step. */
  readonly onStep: (step: StepReport) => void;
  /** Called after each epoch, with what is written to the metrics. */
  readonly onEpoch: (record: EpochRecord) => void;
}

/** A step that was taken, and where it stands in the run. */
export interface StepReport extends StepScores {
  /** Steps taken, this one included. */
  readonly step: number;
  /** From 1 on. */
  readonly epoch: number;
  /** Steps of the epoch that are taken, this one included. */
  readonly stepInEpoch: number;
  /** Steps that a whole epoch has. */
  readonly stepsPerEpoch: number;
  /** Over the epoch so far, without the waiting for data. */
  readonly imagesPerSecond: number;
}

const NO_SUMS: Progress['sums'] = { loss: 0, correct: 0, images: 0, seconds: 0 };

/** The progress of a run that has not begun. */
export function beginning({ rate, loader }: Pick<TrainingRun, 'rate' | 'loader'>): Progress {
  return {
    step: 0,
    epoch: 0,
    batch: 0,
    learningRate: rate.at(0),
    sums: NO_SUMS,
    rate: rate.stateDict(),
    optimizerSteps: 0,
    random: {},
    best: null,
    history: [],
    metricsBytes: 0,
    images: loader.images,
    device: kernelForm() ?? 'auto',
  };
}

/** Puts model, optimizer and rate where the checkpoint was taken. Throws where the data is not what it was. */
export function restore(
  { model, optimizer, rate, loader }: TrainingRun,
  { model: weights, momentum, progress }: Checkpoint,
): void {
  if (loader.images !== progress.images)
    throw new Error(
      `the run was on ${progress.images} training images, but there are ${loader.images} now; put the data back as it was, or begin another run from its weights`,
    );
  model.loadStateDict(weights);
  optimizer.loadStateDict({ steps: progress.optimizerSteps, momentum });
  rate.loadStateDict(progress.rate);
  loadRandomState(model, progress.random);
}

/**
 * Trains until `totalSteps` are taken or `stopped` says so, from `from` on; returns how far it came. The same settings and seed
 * give the same weights, in one run or in several. Rejects with a DivergenceError where a loss, or a weight that is to be saved,
 * is no longer finite.
 */
export async function train(run: TrainingRun, from: Progress): Promise<Progress> {
  let progress = from;
  while (!isFinished(run, progress) && !run.stopped()) {
    progress = await trainEpoch(run, progress);
  }
  return progress;
}

/** Whether all steps are taken and the last epoch is evaluated. */
export function isFinished({ totalSteps }: Pick<TrainingRun, 'totalSteps'>, { step, batch }: Progress): boolean {
  return step >= totalSteps && batch === 0;
}

/** What is left of an epoch. */
async function trainEpoch(run: TrainingRun, from: Progress): Promise<Progress> {
  const { loader, accumulate } = run;
  let progress = from;
  let complete = true;
  const first = from.step < run.totalSteps ? from.batch : loader.length; // all steps taken: only the evaluation is missing
  for await (const parts of groups(loader.epoch(from.epoch, { from: first }), accumulate)) {
    progress = await takeStep(run, parts, progress);
    complete = progress.batch >= loader.length;
    if (progress.step >= run.totalSteps || run.stopped()) break;
    if (progress.step % run.checkpointEvery === 0 && !complete) progress = await save(run, progress);
    complete = true;
  }
  if (progress.sums.images === 0) throw new Error('none of the training images could be read; look at the data directory');
  const ended = complete || progress.step === run.totalSteps;
  return save(run, ended && !run.stopped() ? await endEpoch(run, progress) : progress);
}

/** Batches in groups, each a step's; the last may have fewer. */
async function* groups(batches: AsyncIterable<Batch>, size: number): AsyncIterable<Batch[]> {
  let group: Batch[] = [];
  for await (const batch of batches) {
    group.push(batch);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}

async function takeStep(run: TrainingRun, parts: readonly Batch[], from: Progress): Promise<Progress> {
  const { model, optimizer, rate, metrics, loader, accumulate } = run;
  const started = performance.now();
  optimizer.learningRate = rate.at(from.step);
  const { labelSmoothing, onRecord } = run;
  const scores = await trainStep(model, optimizer, parts, { labelSmoothing, ...(onRecord && { onRecord }) }).catch(
    async (error: unknown) => {
      throw error instanceof LossError ? await divergence(model, from.step, error.loss) : error;
    },
  );
  const seconds = (performance.now() - started) / 1000;
  const error = 1 - scores.correct / scores.images;
  rate.afterStep(error);
  const { sums } = from;
  const progress: Progress = {
    ...from,
    step: from.step + 1,
    batch: parts.at(-1)!.number + 1,
    learningRate: optimizer.learningRate,
    sums: {
      loss: sums.loss + scores.loss * scores.images,
      correct: sums.correct + scores.correct,
      images: sums.images + scores.images,
      seconds: sums.seconds + seconds,
    },
  };
  const imagesPerSecond = progress.sums.images / progress.sums.seconds;
  const [step, epoch] = [progress.step, progress.epoch + 1];
  metrics?.step({
    step,
    epoch,
    learningRate: optimizer.learningRate,
    loss: scores.loss,
    error,
    imagesPerSecond: scores.images / seconds,
  });
  const [stepInEpoch, stepsPerEpoch] = [Math.ceil(progress.batch / accumulate), Math.ceil(loader.length / accumulate)];
  run.onStep({ ...scores, step, epoch, stepInEpoch, stepsPerEpoch, imagesPerSecond });
  return progress;
}

async function endEpoch(run: TrainingRun, progress: Progress): Promise<Progress> {
  const { sums, step, epoch, history, best } = progress;
  const due = (epoch + 1) % run.evaluateEvery === 0 || step === run.totalSteps;
  const heldOut = due && run.heldOut !== undefined ? await run.heldOut() : null;
  if (heldOut === undefined) return progress; // stopped; the epoch ends when the run goes on
  if (heldOut !== null) run.rate.afterEvaluation(heldOut.error);
  const record: EpochRecord = {
    epoch: epoch + 1,
    step,
    learningRate: progress.learningRate,
    trainLoss: sums.loss / Math.max(1, sums.images),
    trainError: 1 - sums.correct / Math.max(1, sums.images),
    heldOut,
    seconds: sums.seconds,
    imagesPerSecond: sums.seconds === 0 ? 0 : sums.images / sums.seconds,
  };
  run.metrics?.epoch(record);
  const isBest = heldOut !== null && (best === null || heldOut.error < best.error);
  run.onEpoch(record);
  return {
    ...progress,
    epoch: epoch + 1,
    batch: 0,
    sums: NO_SUMS,
    history: [...history, record],
    best: isBest ? { step, error: heldOut.error } : best,
  };
}

/** Writes a checkpoint, if there is somewhere to write to. Weights that are not finite are refused: the last good one stays. */
async function save(run: TrainingRun, from: Progress): Promise<Progress> {
  const { model, optimizer, rate, metrics } = run;
  const progress: Progress = {
    ...from,
    rate: rate.stateDict(),
    optimizerSteps: optimizer.steps,
    random: randomState(model),
    metricsBytes: metrics?.bytes ?? 0,
    device: kernelForm() ?? 'auto',
  };
  if (run.save === undefined) return progress;
  const [weights, { momentum }] = await Promise.all([model.stateDict(), optimizer.stateDict()]);
  for (const [name, { data }] of [...weights, ...momentum]) {
    if (!allFinite(data))
      throw new DivergenceError(
        `${name} holds NaN or infinity after step ${progress.step}, so no checkpoint is written; the last one is good: go on from it with a smaller --learning-rate`,
      );
  }
  metrics?.flush();
  await run.save({ model: weights, momentum, progress });
  return progress;
}
