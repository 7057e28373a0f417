/** What users import from 'tapegrad/models'; pages get browser.ts alone. */
export * from './browser.ts';
export { readSafetensors, writeSafetensors } from './weights.ts';
