/**
 * What users import from 'tapegrad/training'; pages get browser.ts alone.
 * @module tapegrad/training
 */
export { FileError } from '../disk/reason.ts';
export * from './browser.ts';
export { readCheckpoint, writeCheckpoint } from './checkpoint.ts';
export { type Curve, drawCurves } from './curves.ts';
export { Metrics, readMetrics } from './metrics.ts';
export { bestCheckpoint, type Found as FoundCheckpoint, RunDirectory } from './runDirectory.ts';
