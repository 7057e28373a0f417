/** What users import from 'tapegrad/training'. */
export { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
export type { Checkpoint } from './checkpointFormat.ts';
export { type Curve, drawCurves } from './curves.ts';
export { firstDivergedLayer } from './divergence.ts';
export { type Evaluation, type EvaluationOptions, evaluate } from './evaluate.ts';
export { beginning, isFinished, restore, type StepReport, type TrainingRun, train } from './loop.ts';
export { Metrics, readMetrics } from './metrics.ts';
export { MemoryMetrics, type MetricsLog, type MetricsRecords, parseMetrics, type StepRecord } from './metricsLog.ts';
export type { EpochRecord, HeldOut, Progress } from './progress.ts';
export { LearningRate } from './rate.ts';
export {
  IMAGENET_PIXELS,
  type PictureSettings,
  RECIPES,
  type RecipeName,
  type RecipeSettings,
  recipeSettings,
} from './recipes.ts';
export { bestCheckpoint, CURVES_FILE, METRICS_FILE, RunDirectory, SETTINGS_FILE } from './runDirectory.ts';
export { DEFAULT_SETTINGS, type RateSettings, type TrainingSettings } from './settings.ts';
export { type StepScores, trainStep } from './step.ts';
