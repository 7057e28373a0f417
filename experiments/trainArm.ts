/** One run of an experiment, from its beginning or from its last checkpoint; its result is a file in its directory. */
import { existsSync } from 'node:fs';
import { writeWhole } from '../disk/writeWhole.ts';
import { type Module, measure } from '../nn/index.ts';
import {
  beginning,
  type Checkpoint,
  DivergenceError,
  evaluate,
  type HeldOut,
  isFinished,
  layerResponses,
  METRICS_FILE,
  Metrics,
  type Progress,
  RunDirectory,
  restore,
  runParts,
  type TrainingRun,
  train,
} from '../training/index.ts';
import { beginDirectory, RESULT_FILE, readResult } from './armFiles.ts';
import type { ArmImages, ArmRun, Surroundings } from './carryOut.ts';
import type { ArmResult } from './experiment.ts';

/** Steps between checkpoints within an epoch. */
const CHECKPOINT_EVERY = 1000;

/** The run's result; undefined when it was stopped before its end. */
export async function trainArm(armRun: ArmRun, surroundings: Surroundings): Promise<ArmResult | undefined> {
  const directory = new RunDirectory(armRun.directory);
  beginDirectory(directory, armRun);
  const file = directory.file(RESULT_FILE);
  if (existsSync(file)) return readResult(file);
  if (surroundings.signal.aborted) return undefined;
  const images = await surroundings.open(armRun.settings);
  try {
    const result = await trainOn(images, armRun, directory, surroundings);
    if (result !== undefined) writeWhole(file, [`${JSON.stringify(result, undefined, 2)}\n`]);
    return result;
  } finally {
    await images.close();
  }
}

async function trainOn(
  images: ArmImages,
  armRun: ArmRun,
  directory: RunDirectory,
  surroundings: Surroundings,
): Promise<ArmResult | undefined> {
  const { arm, settings, responses } = armRun;
  const model = arm.build({ classes: images.classes.length, seed: settings.seed });
  directory.removeLeftovers();
  const found = directory.newest();
  for (const sentence of found?.damaged ?? []) surroundings.say(`passed over: ${sentence}`);
  const metrics = new Metrics(directory.file(METRICS_FILE), found?.checkpoint.progress.metricsBytes);
  const run = assemble(images, armRun, model, surroundings, { directory, metrics });
  if (found !== undefined) restore(run, found.checkpoint);
  const ended = await trainToEnd(run, found?.checkpoint.progress ?? beginning(run), directory);
  metrics.close();
  if (ended.diverged === null && !isFinished(run, ended.progress)) return undefined;
  const measured = measure(model, [1, 3, images.side, images.side]);
  return {
    name: arm.name,
    seed: settings.seed,
    parameters: measured.parameters,
    multiplyAdds: measured.multiplyAdds,
    trainingImages: run.loader.images,
    testImages: images.heldOut === undefined ? 0 : images.heldOut.passes()[0]!.images / images.heldOut.viewsPerImage,
    classes: images.classes.length,
    history: ended.progress.history,
    diverged: ended.diverged,
    responses: responses && ended.diverged === null ? await responsesOf(model, run) : null,
  };
}

function assemble(
  images: ArmImages,
  { arm, settings }: ArmRun,
  model: Module,
  { signal, onStep }: Surroundings,
  { directory, metrics }: { readonly directory: RunDirectory; readonly metrics: Metrics },
): TrainingRun {
  const parts = runParts(settings, model, images.training);
  const { heldOut } = images;
  return {
    ...parts,
    ...(heldOut && { heldOut: () => evaluateHeldOut(model, heldOut, images.classes.length, signal) }),
    metrics,
    save: async (checkpoint: Checkpoint) => {
      directory.save(checkpoint, 1);
    },
    checkpointEvery: CHECKPOINT_EVERY,
    stopped: () => signal.aborted,
    onStep: (step) => onStep(arm.name, parts.totalSteps, step),
    onEpoch: () => undefined,
  };
}

/** A run whose numbers become infinite has an end too: that is its result. */
async function trainToEnd(
  run: TrainingRun,
  from: Progress,
  directory: RunDirectory,
): Promise<{ readonly progress: Progress; readonly diverged: string | null }> {
  try {
    return { progress: await train(run, from), diverged: null };
  } catch (error) {
    if (!(error instanceof DivergenceError)) throw error;
    return { progress: directory.newest()?.checkpoint.progress ?? from, diverged: error.message };
  }
}

async function evaluateHeldOut(
  model: Module,
  { split, viewsPerImage, passes }: NonNullable<ArmImages['heldOut']>,
  classes: number,
  signal: AbortSignal,
): Promise<HeldOut | undefined> {
  try {
    const { loss, top1 } = await evaluate([model], passes(), { classes, viewsPerImage, signal });
    return { split, loss, error: 1 - top1 };
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

/** To the first batch of training images. */
async function responsesOf(model: Module, { loader }: TrainingRun): Promise<ArmResult['responses']> {
  for await (const { images, labels } of loader.epoch(0)) return layerResponses(model, images, labels);
  return null;
}
