/** What users import from 'tapegrad/training'; pages get browser.ts alone. */
export * from './browser.ts';
export { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
export { type Curve, drawCurves } from './curves.ts';
export { Metrics, readMetrics } from './metrics.ts';
export { bestCheckpoint, RunDirectory } from './runDirectory.ts';
