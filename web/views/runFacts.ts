/** How a run stands, in numbers. */
import { make, percent } from '../page.ts';
import type { RunFacts, TrainingEvent } from '../protocol.ts';
import type { Trace } from './trace.ts';

/** What is not measured yet has its place already, so that nothing moves when it is. */
const UNKNOWN = '–';

export interface RunPlaces {
  readonly facts: HTMLElement;
  readonly progress: HTMLProgressElement;
}

/** What is known of the run so far: its last step, and its last test. */
export class RunView {
  private latest: Extract<TrainingEvent, { kind: 'step' }> | undefined;
  private testError: number | undefined;

  constructor(
    private readonly places: RunPlaces,
    private readonly run: RunFacts,
    private readonly trace: Trace,
  ) {
    this.show();
  }

  add(event: TrainingEvent): void {
    if (event.kind === 'step') this.latest = event;
    else this.testError = event.testError;
  }

  show(): void {
    const { run, latest, testError } = this;
    const means = this.trace.latest;
    this.places.progress.max = run.totalSteps;
    this.places.progress.value = latest?.step ?? 0;
    const facts: [string, string][] = [
      [
        'device',
        run.threads === undefined ? run.device : `${run.device}, ${run.threads} ${run.threads === 1 ? 'thread' : 'threads'}`,
      ],
      ['parameters', run.parameters.toLocaleString('en')],
      ['images', run.trainingImages.toLocaleString('en')],
      ['step', `${latest?.step ?? 0} of ${run.totalSteps}`],
      ['epoch', latest === undefined ? UNKNOWN : String(latest.epoch)],
      ['images/s', latest === undefined ? UNKNOWN : latest.imagesPerSecond.toFixed(0)],
      ['loss', means?.meanLoss.toFixed(4) ?? UNKNOWN],
      ['training error', means === undefined ? UNKNOWN : percent(means.error / 100)],
      ['test error', testError === undefined ? UNKNOWN : percent(testError)],
    ];
    this.places.facts.replaceChildren(
      ...facts.map(([name, value]) => make('div', { 'data-fact': name }, make('dt', {}, name), make('dd', {}, value))),
    );
  }
}

/** What a run is called among the others. */
export function nameOf({ choice, device }: RunFacts): string {
  const { kind, depth, shortcut, width, batchSize, learningRate } = choice;
  const form = kind === 'plain' ? '' : ` ${shortcut}`;
  return `${kind}${depth}${form}, width ${width}, batch ${batchSize}, rate ${learningRate}, ${device}`;
}
