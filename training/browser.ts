/** What pages import from 'tapegrad/training': all that needs no files. */
export type { Checkpoint } from './checkpointFormat.ts';
export { DivergenceError, firstDivergedLayer } from './divergence.ts';
export { type Evaluation, type EvaluationOptions, evaluate } from './evaluate.ts';
export {
  channelMeans,
  decodeMean,
  encodeMean,
  imageTransforms,
  limited,
  type Normalisation,
  normalisationFor,
  splitFor,
  syntheticImages,
} from './images.ts';
export { beginning, isFinished, restore, type StepReport, type TrainingRun, train } from './loop.ts';
export { MemoryMetrics, type MetricsLog, type MetricsRecords, parseMetrics, type StepRecord } from './metricsLog.ts';
export { type EpochRecord, type HeldOut, isEpochRecord, type Progress } from './progress.ts';
export { LearningRate, type RateState } from './rate.ts';
export {
  IMAGENET_PIXELS,
  type PictureSettings,
  RECIPES,
  type RecipeName,
  type RecipeSettings,
  recipeSettings,
} from './recipes.ts';
export { type GivenSettings, resolveSettings } from './resolveSettings.ts';
export { type LayerResponse, layerResponses } from './responses.ts';
export { decodeRun, encodeRun, type LoadedRun, type SavedRun } from './runArchive.ts';
export { CURVES_FILE, MEAN_FILE, METRICS_FILE, SETTINGS_FILE, WEIGHTS_FILE } from './runNames.ts';
export { type RunParts, runParts } from './runParts.ts';
export {
  checkSettings,
  checkStd,
  DATASETS,
  type DatasetName,
  encodeSettings,
  parseSettings,
  type RunSettings,
  settingsFile,
} from './runSettings.ts';
export { DEFAULT_SETTINGS, type RateSettings, type TrainingSettings } from './settings.ts';
export { type StepOptions, type StepScores, trainStep } from './step.ts';
