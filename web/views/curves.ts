/** Loss and error of several runs against their steps, as the paper's Fig. 6: training error dashed, test error solid. */
import uPlot from 'uplot';
import type { TrainingEvent } from '../protocol.ts';

/** Steps over which thick curves are means. */
const WINDOW = 25;
/** Told apart by people who see no red and green, on light and on dark ground. */
const COLOURS = ['#2f81f7', '#e8710a', '#1aa179', '#c2539f', '#8a7a10'];
const HEIGHT = 240;
const LABEL_FONT = '12px system-ui, sans-serif';

/** What is drawn of one run; index k holds step k + 1. */
export class Trace {
  readonly loss: number[] = [];
  readonly meanLoss: number[] = [];
  readonly trainingError: number[] = [];
  readonly testError: (number | undefined)[] = [];
  private readonly errors: number[] = [];

  constructor(
    readonly name: string,
    readonly colour: string,
  ) {}

  add(event: TrainingEvent): void {
    const at = event.step - 1;
    if (event.kind === 'epoch') {
      if (event.testError !== undefined) this.testError[at] = 100 * event.testError;
      return;
    }
    this.loss[at] = event.loss;
    this.errors[at] = 100 * event.error;
    this.meanLoss[at] = lastMean(this.loss);
    this.trainingError[at] = lastMean(this.errors);
  }
}

function lastMean(values: readonly number[]): number {
  const last = values.slice(-WINDOW);
  return last.reduce((sum, value) => sum + value, 0) / last.length;
}

/** Around the losses there are; before the first one an axis that many networks begin on. */
function lossRange(_: uPlot, lowest: number | null, highest: number | null): uPlot.Range.MinMax {
  return lowest === null || highest === null ? [0, 3] : uPlot.rangeNum(lowest, highest, 0.1, true);
}

type Column = readonly (number | null | undefined)[];
type Line = { readonly series: uPlot.Series; readonly column: (trace: Trace) => Column };

export class Curves {
  private traces: Trace[] = [];
  private readonly loss: Chart;
  private readonly error: Chart;

  constructor(lossPlace: HTMLElement, errorPlace: HTMLElement) {
    this.loss = new Chart(lossPlace, 'loss', lossRange, [
      { series: { width: 0.5, alpha: 0.5 }, column: (trace) => trace.loss },
      { series: { width: 2 }, column: (trace) => trace.meanLoss },
    ]);
    this.error = new Chart(
      errorPlace,
      'wrong images, %',
      [0, 100],
      [
        { series: { width: 1.5, dash: [5, 4] }, column: (trace) => trace.trainingError },
        { series: { width: 2, spanGaps: true, points: { show: true, size: 5 } }, column: (trace) => trace.testError },
      ],
    );
    this.rebuild();
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.rebuild());
  }

  /** A run more, in a colour of its own. */
  begin(name: string): Trace {
    const free = COLOURS.find((colour) => this.traces.every((trace) => trace.colour !== colour));
    const trace = new Trace(name, free ?? COLOURS[this.traces.length % COLOURS.length]!);
    this.traces.push(trace);
    this.rebuild();
    return trace;
  }

  remove(trace: Trace): void {
    this.traces = this.traces.filter((each) => each !== trace);
    this.rebuild();
  }

  /** Draws what the traces have got since. */
  draw(): void {
    this.loss.draw(this.traces);
    this.error.draw(this.traces);
  }

  private rebuild(): void {
    this.loss.rebuild(this.traces);
    this.error.rebuild(this.traces);
  }
}

/** One uPlot; its lines are made anew when the runs are others. */
class Chart {
  private plot: uPlot | undefined;

  constructor(
    private readonly place: HTMLElement,
    private readonly title: string,
    private readonly range: uPlot.Scale.Range,
    private readonly lines: readonly Line[],
  ) {
    new ResizeObserver(() => this.plot?.setSize({ width: this.width, height: HEIGHT })).observe(place);
  }

  private get width(): number {
    return Math.max(200, this.place.clientWidth);
  }

  rebuild(traces: readonly Trace[]): void {
    this.plot?.destroy();
    const style = getComputedStyle(this.place);
    const axis: uPlot.Axis = {
      stroke: style.getPropertyValue('color'),
      grid: { stroke: '#8884', width: 1 },
      ticks: { show: false },
      labelSize: 20,
      labelGap: 2,
      labelFont: LABEL_FONT,
    };
    const options: uPlot.Options = {
      width: this.width,
      height: HEIGHT,
      cursor: { drag: { x: true, y: false } },
      scales: {
        x: { time: false, range: (_, __, last) => [1, Math.max(10, last)] },
        y: { range: this.range },
      },
      axes: [
        { ...axis, size: 28, label: 'training step' },
        { ...axis, size: 40, label: this.title },
      ],
      series: [{}, ...traces.flatMap((trace) => this.lines.map(({ series }) => ({ ...series, stroke: trace.colour })))],
    };
    this.plot = new uPlot(options, this.columns(traces), this.place);
  }

  draw(traces: readonly Trace[]): void {
    this.plot?.setData(this.columns(traces));
  }

  private columns(traces: readonly Trace[]): uPlot.AlignedData {
    const steps = Math.max(1, ...traces.map(({ loss }) => loss.length));
    const full = (values: Column): (number | null | undefined)[] => Array.from({ length: steps }, (_, k) => values[k]);
    return [
      Array.from({ length: steps }, (_, k) => k + 1),
      ...traces.flatMap((trace) => this.lines.map(({ column }) => full(column(trace)))),
    ];
  }
}
