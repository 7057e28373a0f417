/** The gradient checker: finds a derivative that the tape and finite differences disagree about, and the smallest case of it. */
import type { Shape } from '../core/shape.ts';
import type { State } from '../core/state.ts';
import { checkCase, checkFormula, type Fault } from './gradientCase.ts';
import { gradientErrorFor } from './gradientError.ts';
import { type CheckInput, type Formula, sourcesOf, withParameters } from './inputs.ts';
import { shrink } from './shrink.ts';

/** Options of `checkGradient`. */
export interface GradientCheckOptions {
  /** 2, the default, checks second derivatives too. */
  readonly order?: 1 | 2;
  /** Of the values drawn, the directions and the weights of the output; 1 by default. */
  readonly seed?: number;
  /** Largest difference allowed, as a share of the magnitudes that make up a derivative; 1e-6 by default. */
  readonly tolerance?: number;
  /** False keeps the shapes given when a fault is found; true by default. */
  readonly shrink?: boolean;
  /** States that the formula reads, such as `module.parameters()`: gradients by them are checked too, at values near their own. */
  readonly parameters?: readonly State[];
}

/** What `checkGradient` found where no derivative is wrong. */
export interface GradientReport {
  /** Derivatives compared: one for each differentiable input, parameter and order. */
  readonly checks: number;
  /** The largest of them between tape and differences, as a share of the magnitudes that make up the derivative. */
  readonly largestDifference: number;
}

/** Ten times the differences' own error for a formula some ops deep. */
const TOLERANCE = 1e-6;
/**
 * Checks the gradients of a formula by every input against central differences in float64, first and second derivatives. Inputs are
 * shapes (values are drawn from the seed, without ties and away from 0) or values. Runs on a device of its own: the current device and
 * its States stay as they are. Throws a GradientError for the smallest shapes in which the fault is seen.
 */
export async function checkGradient(
  formula: Formula,
  inputs: readonly CheckInput[],
  options: GradientCheckOptions = {},
): Promise<GradientReport> {
  const { order: highest = 2, seed = 1, tolerance = TOLERANCE, parameters = [] } = options;
  const settings = { highest, seed, tolerance };
  const sources = await sourcesOf(inputs, parameters, seed);
  const whole = withParameters(formula, parameters);
  const shapes = sources.map((source) => source.shape);
  await checkFormula(whole, sources, shapes);
  const { fault, slopes } = await checkCase(whole, sources, shapes, settings);
  if (fault === undefined)
    return { checks: slopes.length, largestDifference: Math.max(0, ...slopes.map((slope) => slope.difference)) };

  const sameFault = async (smaller: readonly Shape[]): Promise<Fault | undefined> => {
    if (!(await accepts(() => checkFormula(whole, sources, smaller)))) return undefined;
    const { fault: other } = await checkCase(whole, sources, smaller, settings);
    return other?.kind === fault.kind && other.order === fault.order ? other : undefined;
  };
  const shrinks = sources.map((source) => source.shrinks && options.shrink !== false);
  const smallest = await shrink({ shapes, found: fault }, shrinks, sameFault);
  throw await gradientErrorFor(whole, sources, smallest.shapes, smallest.found, settings);
}

/** A formula that throws has no case in those shapes. */
async function accepts(check: () => Promise<void>): Promise<boolean> {
  try {
    await check();
    return true;
  } catch {
    return false;
  }
}
