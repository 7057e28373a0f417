/** The learning rate of a run: a schedule of optim, a warm-up before it, and what both have learnt from the errors so far. */
import { cosine, multiStep, Plateau, type PlateauState, type Schedule, warmUp } from '../optim/index.ts';
import type { TrainingSettings } from './settings.ts';

/** What a learning rate has learnt from errors: plain data, goes into a checkpoint. */
export interface RateState {
  /** Training errors of the last steps, while the warm-up waits for them. */
  readonly warmUpErrors: readonly number[] | null;
  /** That of a plateau; null for other schedules. */
  readonly plateau: PlateauState | null;
}

/** Steps over which the training error of the warm-up is taken; the paper's lasts about 400. */
const WARM_UP_WINDOW = 100;
/** The first rate of a linear warm-up as a share of the highest. */
const WARM_UP_FROM = 0.1;

/**
 * Ask for the rate before each step, and report the errors: of each step's images, and of each evaluation. The warm-up with a rate of
 * its own is the paper's for ResNet-110 (arXiv:1512.03385, sec. 4.2): 0.01 until the training error is below 80 %, then the schedule,
 * whose steps are counted from the beginning.
 */
export class LearningRate {
  private readonly schedule: Schedule;
  private readonly plateau: Plateau | undefined;
  private readonly warmUpRate: number | null;
  private readonly warmUpError: number;
  /** Undefined when the warm-up is over. */
  private warmUpErrors: number[] | undefined;

  /** The schedule of these settings over so many steps. */
  constructor({ learningRate, rate }: Pick<TrainingSettings, 'learningRate' | 'rate'>, totalSteps: number) {
    const { schedule, factor, patience } = rate;
    this.plateau = schedule === 'plateau' ? new Plateau({ learningRate, factor, patience }) : undefined;
    const base = this.plateau ?? scheduleOf(learningRate, rate, totalSteps);
    const steps = Math.floor(rate.warmUp * totalSteps);
    const linear = rate.warmUpRate === null && steps > 0;
    this.schedule = linear ? warmUp(base, { steps, from: learningRate * WARM_UP_FROM }) : base;
    this.warmUpRate = rate.warmUpRate;
    this.warmUpError = rate.warmUpError;
    this.warmUpErrors = rate.warmUpRate === null ? undefined : [];
  }

  /** The rate for the step with this number, from 0. */
  at(step: number): number {
    return this.warmUpErrors !== undefined ? this.warmUpRate! : this.schedule.learningRate(step);
  }

  /** Tells of the share of a step's training images that were wrong. */
  afterStep(error: number): void {
    if (this.warmUpErrors === undefined) return;
    this.warmUpErrors = [...this.warmUpErrors, error].slice(-WARM_UP_WINDOW);
    const mean = this.warmUpErrors.reduce((sum, each) => sum + each, 0) / this.warmUpErrors.length;
    if (this.warmUpErrors.length === WARM_UP_WINDOW && mean < this.warmUpError) this.warmUpErrors = undefined;
  }

  /** Tells of the error on images that are not trained on. */
  afterEvaluation(error: number): void {
    this.plateau?.report(error);
  }

  /** What it has learnt from errors, for a checkpoint. */
  stateDict(): RateState {
    return { warmUpErrors: this.warmUpErrors ?? null, plateau: this.plateau?.stateDict() ?? null };
  }

  /** Goes on where `stateDict` was taken. */
  loadStateDict({ warmUpErrors, plateau }: RateState): void {
    this.warmUpErrors = warmUpErrors === null ? undefined : [...warmUpErrors];
    if (plateau !== null) this.plateau?.loadStateDict(plateau);
  }
}

function scheduleOf(learningRate: number, { schedule, milestones, factor }: TrainingSettings['rate'], steps: number): Schedule {
  if (schedule === 'cosine') return cosine({ learningRate, steps });
  return multiStep({ learningRate, milestones: schedule === 'steps' ? milestones : [], factor });
}
