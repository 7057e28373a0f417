/**
 * What users import from 'tapegrad/models'; pages get browser.ts alone.
 * @module tapegrad/models
 */
export { FileError } from '../disk/reason.ts';
export * from './browser.ts';
export { readSafetensors, writeSafetensors } from './weights.ts';
