/** From settings and data to the parts of a training run, with what a person sees of it. */
import { writeWhole } from '../disk/writeWhole.ts';
import type { Module } from '../nn/index.ts';
import {
  type Checkpoint,
  CURVES_FILE,
  drawCurves,
  type Evaluation,
  type HeldOut,
  type Metrics,
  type RunDirectory,
  type RunSettings,
  runParts,
  type TrainingRun,
} from '../training/index.ts';
import { openTestData } from './datasets.ts';
import { evaluateUnlessStopped } from './evaluation.ts';
import { type TrainingData, testIfAny } from './images.ts';
import type { RunOptions } from './options.ts';
import { epochBars, formatEpoch } from './progress.ts';

/** Everything of one process's part of a run. */
export interface Session {
  readonly settings: RunSettings;
  readonly options: RunOptions;
  readonly directory: RunDirectory | undefined;
  readonly data: TrainingData;
  readonly model: Module;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

export interface AssembledRun extends TrainingRun {
  /** The result of the last evaluation of the test images, if it was the run's last evaluation. */
  lastTest(): Evaluation | undefined;
  /** Takes away what is left on the terminal of a run that was interrupted. */
  readonly clear: () => void;
}

export function assemble(session: Session, metrics: Metrics | undefined, losses: number[]): AssembledRun {
  const { settings, options, directory, data, model, signal } = session;
  const parts = runParts(settings, model, data.training);
  const bars = epochBars(parts.totalSteps);
  const { heldOut } = data;
  let last: Evaluation | undefined;
  return {
    ...parts,
    ...(heldOut && {
      heldOut: async (): Promise<HeldOut | undefined> => {
        last = await evaluateUnlessStopped(model, heldOut, signal);
        return last && { split: heldOut.split, loss: last.loss, error: 1 - last.top1 };
      },
    }),
    clear: bars.stop,
    lastTest: () => (heldOut?.split === 'test' ? last : undefined),
    ...(metrics && { metrics }),
    ...(directory && { save: (checkpoint: Checkpoint) => save(directory, checkpoint, options.keep) }),
    checkpointEvery: options.checkpointEvery,
    stopped: () => signal.aborted,
    onStep: (step) => {
      losses.push(step.loss);
      bars.step(step);
    },
    onEpoch: (record) => console.error(formatEpoch(record)),
  };
}

/** A checkpoint, and after an epoch the curves. */
async function save(directory: RunDirectory, checkpoint: Checkpoint, keep: number): Promise<void> {
  directory.save(checkpoint, keep);
  const { batch, history } = checkpoint.progress;
  if (batch === 0) writeWhole(directory.file(CURVES_FILE), [await drawCurves([{ name: directory.name, history }])]);
}

/** The test images, if there are any, with the weights at the end. */
export async function evaluateTest({ settings, options, data, model, signal }: Session): Promise<Evaluation | undefined> {
  const test = testIfAny(() => openTestData(settings, data.normalisation, options));
  return test && (await evaluateUnlessStopped(model, test, signal).finally(() => test.close()));
}
