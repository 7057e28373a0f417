/** A run from its beginning, or from a checkpoint, to its end. The loop is training/loop.ts. */
import { deviceName, kernelForm, MemoryError, useDevice } from '../core/index.ts';
import { buildNetwork, readSafetensors, writeSafetensors } from '../models/index.ts';
import { zeroWeights } from '../nn/index.ts';
import {
  beginning,
  type Checkpoint,
  isFinished,
  METRICS_FILE,
  Metrics,
  type RunDirectory,
  type RunSettings,
  readMetrics,
  restore,
  settingsFile,
  train,
  WEIGHTS_FILE,
} from '../training/index.ts';
import { assemble, evaluateTest, type Session } from './assemble.ts';
import { writeMean } from './checkpoints.ts';
import { openTrainingData } from './datasets.ts';
import { fittingBatch } from './fit.ts';
import type { TrainingData } from './images.ts';
import { onInterrupt } from './interrupt.ts';
import type { RunOptions } from './options.ts';
import { reportRun } from './report.ts';
import { lengthOf } from './settings.ts';

/** What starts the command line: a script of the repository, or the binary of the installed package. */
const COMMAND = import.meta.url.endsWith('.ts') ? 'npm run cli --' : 'npx tapegrad';

/** Begins a run; with a directory it leaves its files there. */
export async function startRun(directory: RunDirectory | undefined, settings: RunSettings, options: RunOptions): Promise<void> {
  await withData(settings, options, async (data) => {
    const model = buildNetwork(settings, { classes: data.classes.length, seed: settings.seed });
    if (settings.weights !== null) model.loadStateDict(readSafetensors(settings.weights));
    directory?.create(settingsFile(settings));
    if (directory !== undefined) writeMean(directory, data.normalisation);
    await runSession({ settings, options, directory, data, model }, undefined);
  });
}

/** Goes on with the run of a directory, from its newest whole checkpoint. */
export async function resumeRun(directory: RunDirectory, settings: RunSettings, options: RunOptions): Promise<void> {
  const found = directory.newest();
  for (const sentence of found?.damaged ?? []) console.error(`passed over: ${sentence}`);
  if (found === undefined) console.error(`${directory.path} has no checkpoint yet; the run begins at its beginning`);
  else console.error(`going on from ${found.directory}`);
  await withData(settings, options, async (data) => {
    const model = buildNetwork(settings, { classes: data.classes.length, seed: settings.seed });
    if (found === undefined && settings.weights !== null) model.loadStateDict(readSafetensors(settings.weights));
    directory.removeLeftovers();
    await runSession({ settings, options, directory, data, model }, found?.checkpoint);
  });
}

async function withData(settings: RunSettings, options: RunOptions, body: (data: TrainingData) => Promise<void>): Promise<void> {
  const data = await openTrainingData(settings, options);
  try {
    await useDevice(options.device, { ...(options.threads !== undefined && { threads: options.threads }) });
    await body(data);
  } finally {
    await data.close();
  }
}

async function runSession(parts: Omit<Session, 'signal'>, checkpoint: Checkpoint | undefined): Promise<void> {
  const { settings, options, directory, data, model } = parts;
  const started = performance.now();
  const interrupt = onInterrupt('stopping after this step; press Ctrl-C again to quit at once');
  const session: Session = { ...parts, signal: interrupt.signal };
  const images = `${data.count} images of ${settings.dataset}`;
  console.error(`training ${settings.model} for ${lengthOf(settings)} on ${images}, device ${deviceName()}`);
  const metrics = directory && new Metrics(directory.file(METRICS_FILE), checkpoint?.progress.metricsBytes);
  const losses = directory === undefined ? [] : readMetrics(directory.file(METRICS_FILE)).steps.map(({ loss }) => loss);
  const run = assemble(session, metrics, losses);
  if (checkpoint !== undefined) {
    warnOfAnotherForm(checkpoint);
    restore(run, checkpoint);
  }
  const from = checkpoint?.progress ?? beginning(run);
  const progress = await train(run, from)
    .finally(run.clear)
    .catch((error: unknown) => explain(error, session));
  metrics?.close();
  const finished = isFinished(run, progress);
  if (directory !== undefined) writeSafetensors(directory.file(WEIGHTS_FILE), await model.stateDict());
  const test = finished ? (run.lastTest() ?? (await evaluateTest(session))) : undefined;
  interrupt.release();
  reportRun({ settings, options, from, progress, losses, test, seconds: (performance.now() - started) / 1000 });
  if (finished) return;
  const goOn =
    directory === undefined
      ? 'nothing was kept, for there is no --out'
      : `go on with: ${COMMAND} train --resume ${directory.path}`;
  console.error(`interrupted after step ${progress.step} of ${run.totalSteps}; ${goOn}`);
  process.exitCode = interrupt.exitCode;
}

function warnOfAnotherForm({ progress: { device } }: Checkpoint): void {
  if (device !== kernelForm())
    console.error(`the run was on device ${device} and goes on on ${kernelForm()}: its weights will differ in their last digits`);
}

/** A step that does not fit into memory is refused before anything of it runs; the message then names a batch size that does. */
async function explain(error: unknown, { settings, data, directory }: Session): Promise<never> {
  const { batchSize, accumulate } = settings;
  const part = Math.min(batchSize / accumulate, data.count);
  if (!(error instanceof MemoryError) || part === 1) throw withAdvice(error, directory);
  const fitting = await fittingBatch(
    buildNetwork(settings, { classes: data.classes.length, weights: zeroWeights }),
    data.side,
    part,
  );
  const parts = fitting === undefined ? undefined : divisorFrom(batchSize, Math.ceil(batchSize / fitting));
  const advice = fitting === undefined ? 'not even one picture at a time fits' : `--batch-size ${fitting * accumulate} fits`;
  const cut = parts === undefined || parts === batchSize ? '' : `, or --accumulate ${parts} cuts the batch into parts that fit`;
  throw new Error(`${error.message.replace(/; use a smaller batch.*$/, '')}; ${advice}${cut}`);
}

/** The smallest number from `least` on that divides `whole`. */
function divisorFrom(whole: number, least: number): number {
  let divisor = least;
  while (whole % divisor !== 0) divisor += 1;
  return divisor;
}

/** What was trained so far is not lost: the sentence says how to go on. */
function withAdvice(error: unknown, directory: RunDirectory | undefined): unknown {
  if (!(error instanceof Error) || directory?.newestStep() === undefined) return error;
  return new Error(
    `${error.message}; ${directory.path} holds the run up to step ${directory.newestStep()}, and goes on with --resume`,
    {
      cause: error,
    },
  );
}
