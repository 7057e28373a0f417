/**
 * Learning-rate schedules: the rate as a function of the step, counted in whatever the caller counts in, iterations or epochs.
 *
 *     optimizer.learningRate = schedule.learningRate(step)
 */

/** The learning rate as a function of the step. */
export interface Schedule {
  /** The rate for a step; the first step is 0. */
  learningRate(step: number): number;
}

/**
 * learningRate * factor^(milestones reached), factor 0.1 by default; a milestone is the first step with the next rate. The
 * paper's CIFAR recipe is { learningRate: 0.1, milestones: [32000, 48000] }.
 */
export function multiStep(options: { learningRate: number; milestones: readonly number[]; factor?: number }): Schedule {
  const { learningRate, milestones, factor = 0.1 } = options;
  return { learningRate: (step) => learningRate * factor ** milestones.filter((milestone) => step >= milestone).length };
}

/**
 * minimum + (learningRate - minimum) (1 + cos(pi step / steps)) / 2, and `minimum`, 0 by default, from `steps` on (Loshchilov and
 * Hutter, arXiv:1608.03983, eq. 5, no restarts).
 */
export function cosine(options: { learningRate: number; steps: number; minimum?: number }): Schedule {
  const { learningRate, steps, minimum = 0 } = options;
  return {
    learningRate: (step) => minimum + ((learningRate - minimum) * (1 + Math.cos((Math.PI * Math.min(step, steps)) / steps))) / 2,
  };
}

/** Options of `warmUp`. */
export interface WarmUpOptions {
  /** How many steps it lasts. */
  readonly steps: number;
  /** The first rate. */
  readonly from: number;
  /**
   * `linear`, the default, up to the schedule's rate, or `constant` as the paper does for ResNet-110 (sec. 4.2: 0.01 for about
   * 400 iterations).
   */
  readonly ramp?: 'linear' | 'constant';
}

/** A gentle start before `schedule`, whose steps are counted from the beginning, warm-up included. */
export function warmUp(schedule: Schedule, { steps, from, ramp = 'linear' }: WarmUpOptions): Schedule {
  return {
    learningRate: (step) => {
      if (step >= steps) return schedule.learningRate(step);
      return ramp === 'constant' ? from : from + ((schedule.learningRate(steps) - from) * step) / steps;
    },
  };
}

/** Options of `Plateau`. */
export interface PlateauOptions {
  /** The first rate. */
  readonly learningRate: number;
  /** The rate is multiplied by it; 0.1 by default. */
  readonly factor?: number;
  /** How many reports in a row may bring nothing new before that happens; 10 by default. */
  readonly patience?: number;
  /** An error counts as new when it is below the best by this share; 1e-4 by default. */
  readonly threshold?: number;
  /** The rate never falls below it; 0 by default. */
  readonly minimum?: number;
}

/** A rate that would change by less stays as it is, as PyTorch's `eps` has it. */
const SMALLEST_CHANGE = 1e-8;

/** All that a Plateau remembers, such that JSON can hold it. */
export interface PlateauState {
  /** The rate now. */
  readonly learningRate: number;
  /** The smallest error that counted as new; null before the first report. */
  readonly best: number | null;
  /** Reports in a row that brought nothing new. */
  readonly waited: number;
}

/**
 * Lowers the rate when the error stops falling (sec. 3.4: to a tenth). `report` an error after each epoch; rules as in PyTorch's
 * ReduceLROnPlateau.
 */
export class Plateau implements Schedule {
  private state: PlateauState;
  private readonly options: Required<PlateauOptions>;

  /** Begins at the first rate, with nothing reported. */
  constructor(options: PlateauOptions) {
    this.options = { factor: 0.1, patience: 10, threshold: 1e-4, minimum: 0, ...options };
    this.state = { learningRate: options.learningRate, best: null, waited: 0 };
  }

  /** The same for every step until a report changes it. */
  learningRate(): number {
    return this.state.learningRate;
  }

  /** Tells of a new error, and lowers the rate when `patience` reports before it brought nothing new either. */
  report(error: number): void {
    const { factor, patience, threshold, minimum } = this.options;
    const { learningRate, best, waited } = this.state;
    if (error < (best ?? Number.POSITIVE_INFINITY) * (1 - threshold)) this.state = { learningRate, best: error, waited: 0 };
    else if (waited < patience) this.state = { learningRate, best, waited: waited + 1 };
    else {
      const next = Math.max(learningRate * factor, minimum);
      this.state = { learningRate: learningRate - next > SMALLEST_CHANGE ? next : learningRate, best, waited: 0 };
    }
  }

  /** What it remembers, for a checkpoint. */
  stateDict(): PlateauState {
    return this.state;
  }

  /** Goes on where `stateDict` was taken. */
  loadStateDict(state: PlateauState): void {
    this.state = { ...state };
  }
}

/** A `Plateau`, made like the other schedules. */
export function plateau(options: PlateauOptions): Plateau {
  return new Plateau(options);
}
