/**
 * What users import from 'tapegrad/testing': checks of gradients and devices. The folder owns finite differences, comparisons and the search
 * for a smallest failing case; it knows no op by name and needs no test runner. Random cases for fast-check are in 'tapegrad/testing/arbitraries'.
 * @module tapegrad/testing
 */
export {
  checkDevices,
  type DeviceCheckOptions,
  DeviceMismatchError,
  type DeviceProblem,
  type DeviceReport,
} from './checkDevices.ts';
export { checkGradient, type GradientCheckOptions, type GradientReport } from './checkGradient.ts';
export { GradientError, type GradientProblem } from './gradientError.ts';
export type { CheckInput, Formula, InputSpec } from './inputs.ts';
export { distinctValues, randomValues } from './values.ts';
