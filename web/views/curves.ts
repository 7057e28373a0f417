/** Loss and error of several runs against their steps, as the paper's Fig. 6: training error dashed, test error solid. */
import uPlot from 'uplot';
import { Trace } from './trace.ts';

/** Told apart by people who see no red and green, on light and on dark ground. */
const COLOURS = ['#2f81f7', '#e8710a', '#1aa179', '#c2539f', '#8a7a10'];
const HEIGHT = 240;
/** The width of a point that marks a test. */
const POINT = 5;
const LABEL_FONT = '12px system-ui, sans-serif';

/** Around the losses there are; before the first one an axis that many networks begin on. */
function lossRange(_: uPlot, lowest: number | null, highest: number | null): uPlot.Range.MinMax {
  return lowest === null || highest === null ? [0, 3] : uPlot.rangeNum(lowest, highest, 0.1, true);
}

/** Whether each value of a line can be marked without touching the next one. */
function hasRoom({ data, width }: uPlot, line: number): boolean {
  return Array.from(data[line]!).filter((value) => value !== undefined).length * 2 * POINT < width;
}

function selectedSteps(plot: uPlot): uPlot.Range.MinMax {
  const { left, width } = plot.select;
  return [plot.posToVal(left, 'x'), plot.posToVal(left + width, 'x')];
}

/** Lines of a run that share their steps: the columns of a trace, steps first. */
interface Lines {
  readonly series: readonly uPlot.Series[];
  readonly columns: (trace: Trace) => [number[], ...number[][]];
}

export class Curves {
  private traces: Trace[] = [];
  private readonly loss: Chart;
  private readonly error: Chart;

  constructor(lossPlace: HTMLElement, errorPlace: HTMLElement) {
    this.loss = new Chart(lossPlace, 'loss', lossRange, [
      { series: [{ width: 1, alpha: 0.4 }, { width: 2 }], columns: (trace) => trace.losses() },
    ]);
    this.error = new Chart(
      errorPlace,
      'wrong images, %',
      [0, 100],
      [
        { series: [{ width: 1.5, dash: [5, 4] }], columns: (trace) => trace.trainingErrors() },
        { series: [{ width: 2, points: { show: hasRoom, size: POINT } }], columns: (trace) => trace.testErrors() },
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
  /** The steps that a person looks at closer. */
  private zoom: uPlot.Range.MinMax | undefined;

  constructor(
    private readonly place: HTMLElement,
    private readonly title: string,
    private readonly range: uPlot.Scale.Range,
    private readonly lines: readonly Lines[],
  ) {
    new ResizeObserver(() => this.plot?.setSize({ width: this.width, height: HEIGHT })).observe(place);
  }

  private get width(): number {
    return Math.max(200, this.place.clientWidth);
  }

  rebuild(traces: readonly Trace[]): void {
    this.plot?.destroy();
    this.zoom = undefined;
    const style = getComputedStyle(this.place);
    const axis: uPlot.Axis = {
      stroke: style.getPropertyValue('color'),
      grid: { stroke: '#8884', width: 1 },
      ticks: { show: false },
      labelSize: 20,
      labelGap: 2,
      labelFont: LABEL_FONT,
    };
    const lines = this.lines.flatMap(({ series }) => series);
    const options: uPlot.Options = {
      width: this.width,
      height: HEIGHT,
      cursor: {
        drag: { x: true, y: false, setScale: false },
        bind: { dblclick: () => () => this.zoomTo(undefined) },
      },
      hooks: { setSelect: [(plot) => this.zoomTo(selectedSteps(plot))] },
      scales: {
        x: { time: false, range: (_, __, last) => this.zoom ?? [1, Math.max(10, last)] },
        y: { range: this.range },
      },
      axes: [
        { ...axis, size: 28, label: 'training step' },
        { ...axis, size: 40, label: this.title },
      ],
      series: [{}, ...traces.flatMap(({ colour }) => lines.map((line) => ({ ...line, stroke: colour })))],
    };
    this.plot = new uPlot(options, this.columns(traces), this.place);
  }

  draw(traces: readonly Trace[]): void {
    this.plot?.setData(this.columns(traces));
  }

  private zoomTo(steps: uPlot.Range.MinMax | undefined): null {
    const { plot } = this;
    this.zoom = steps;
    plot?.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    plot?.setData(plot.data);
    return null; // uPlot does nothing more about it
  }

  /** All lines at the steps that any of them has; between its own steps a line goes straight on. */
  private columns(traces: readonly Trace[]): uPlot.AlignedData {
    const tables = traces.flatMap((trace) => this.lines.map(({ columns }) => columns(trace)));
    return tables.length === 0 ? [[]] : uPlot.join(tables);
  }
}
