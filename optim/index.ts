/**
 * What users import from 'tapegrad/optim'.
 * @module tapegrad/optim
 */
export { clipGradNorm } from './clipGradNorm.ts';
export { type ParameterGroup, type SGDOptions, withoutDecay } from './groups.ts';
export {
  cosine,
  multiStep,
  Plateau,
  type PlateauOptions,
  type PlateauState,
  plateau,
  type Schedule,
  type WarmUpOptions,
  warmUp,
} from './schedules.ts';
export { SGD, type SGDState } from './sgd.ts';
