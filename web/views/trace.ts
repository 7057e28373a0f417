/** What is drawn of one run. A long one is thinned, so that it is drawn as fast as a short one. */
import type { TrainingEvent } from '../protocol.ts';

/** Steps over which thick curves are means. */
const WINDOW = 25;
/** Of one curve; a chart is a few hundred pixels wide. */
const MOST_POINTS = 4000;

/** A step, or some steps one after another. */
interface Point {
  /** The last of its steps. */
  readonly step: number;
  /** That of one of its steps: the one farthest from the mean, so that no peak goes missing. */
  readonly loss: number;
  readonly meanLoss: number;
  /** Percent, a mean too. */
  readonly error: number;
}

export class Trace {
  private points: Point[] = [];
  /** How many steps one point stands for. */
  private stride = 1;
  private readonly lastLosses = new RunningMean();
  private readonly lastErrors = new RunningMean();
  /** After epochs; percent. */
  private readonly tests: { readonly step: number; readonly error: number }[] = [];

  constructor(
    readonly name: string,
    readonly colour: string,
  ) {}

  add(event: TrainingEvent): void {
    if (event.kind === 'epoch') {
      if (event.testError !== undefined) this.tests.push({ step: event.step, error: 100 * event.testError });
      return;
    }
    const { step, loss } = event;
    this.put({ step, loss, meanLoss: this.lastLosses.with(loss), error: this.lastErrors.with(100 * event.error) });
    if (this.points.length > MOST_POINTS) this.thin();
  }

  /** Of the last steps; undefined before the first. */
  get latest(): { readonly meanLoss: number; readonly error: number } | undefined {
    return this.points.at(-1);
  }

  /** Columns: the step, its loss, the mean loss. */
  losses(): [number[], number[], number[]] {
    return [this.steps(), this.points.map(({ loss }) => loss), this.points.map(({ meanLoss }) => meanLoss)];
  }

  /** Columns: the step, the training error. */
  trainingErrors(): [number[], number[]] {
    return [this.steps(), this.points.map(({ error }) => error)];
  }

  /** Columns: the step, the test error. */
  testErrors(): [number[], number[]] {
    return [this.tests.map(({ step }) => step), this.tests.map(({ error }) => error)];
  }

  private steps(): number[] {
    return this.points.map(({ step }) => step);
  }

  private thin(): void {
    this.stride *= 2;
    const all = this.points;
    this.points = [];
    for (const point of all) this.put(point);
  }

  /** As a point more, or together with the last one when both are of one stride. */
  private put(point: Point): void {
    const last = this.points.at(-1);
    if (last === undefined || this.strideOf(last) !== this.strideOf(point)) this.points.push(point);
    else {
      const further = Math.abs(last.loss - last.meanLoss) > Math.abs(point.loss - point.meanLoss) ? last : point;
      this.points[this.points.length - 1] = { ...point, loss: further.loss };
    }
  }

  private strideOf({ step }: Point): number {
    return Math.ceil(step / this.stride);
  }
}

class RunningMean {
  private readonly last: number[] = [];

  /** The mean of the last values, this one included. */
  with(value: number): number {
    this.last.push(value);
    if (this.last.length > WINDOW) this.last.shift();
    return this.last.reduce((sum, each) => sum + each, 0) / this.last.length;
  }
}
