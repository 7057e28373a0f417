/** What the page does: one run at a time, its place among the curves, and every failure as a sentence. */
import { proxy, type Remote } from 'comlink';
import type { ChoiceForm, Phase } from './choice.ts';
import { Inside } from './inside.ts';
import type { Messages } from './messages.ts';
import { element, offerFile, throttled } from './page.ts';
import type { Choice, DataFacts, Picture, PictureFile, RunFacts, Trainer, TrainingEvent } from './protocol.ts';
import { Curves } from './views/curves.ts';
import { nameOf, RunView } from './views/runFacts.ts';
import { RunList } from './views/runList.ts';
import { showAnswer } from './views/sketchpad.ts';
import type { Trace } from './views/trace.ts';

/** Milliseconds between two drawings: more often nobody sees. */
const PAUSE = 150;
const RESTS = {
  paused: 'Paused.',
  finished: 'Finished: all epochs are trained. Press Stop to begin another run, which is laid over this one.',
};
const FAILED =
  'Training failed. Go tries again on the device that you choose, from the last epoch; Stop gives the run up, for other settings.';

interface OpenRun {
  readonly facts: RunFacts;
  readonly trace: Trace;
  readonly view: RunView;
}

export class Playground {
  /** Called when the network may answer differently than before. */
  onNewWeights: () => void = () => undefined;
  private phase: Phase = 'empty';
  private run: OpenRun | undefined;
  private unsaved = false;
  private readonly curves = new Curves(element('loss', HTMLElement), element('error', HTMLElement));
  private readonly runs = new RunList(element('runs', HTMLElement), (trace) => {
    if (this.run?.trace === trace) this.messages.fail('this run is open; stop it before it is taken out');
    else this.forget(trace);
  });
  private readonly redraw = throttled(() => {
    this.run?.view.show();
    this.curves.draw();
  }, PAUSE);
  private readonly runPlaces = { facts: element('facts', HTMLElement), progress: element('progress', HTMLProgressElement) };
  private readonly inside: Inside;

  constructor(
    private readonly trainer: Remote<Trainer>,
    private readonly form: ChoiceForm,
    private readonly messages: Messages,
  ) {
    this.inside = new Inside(trainer, () => this.onNewWeights());
    this.enter('empty', 'Choose a network and press Go.');
  }

  /** Whether steps are lost when the page goes. */
  get wouldLoseSteps(): boolean {
    return this.unsaved;
  }

  /** Begins a run, or goes on with the one there is. */
  go(steps = Number.POSITIVE_INFINITY): void {
    this.messages.attempt(async () => {
      if (this.phase === 'failed') await this.opening('Opening the run again', (choice) => this.trainer.recover(choice.machine));
      else if (this.run === undefined) await this.opening('Preparing', (choice) => this.trainer.open(choice));
      await this.training(() =>
        this.trainer.go(
          steps,
          proxy((event: TrainingEvent) => this.take(event)),
        ),
      );
    });
  }

  pause(): void {
    this.messages.attempt(() => this.trainer.pause());
  }

  /** The run ends; its curves stay. */
  stop(): void {
    this.messages.attempt(async () => {
      this.run = undefined; // at once: what is under way comes back to nobody
      this.unsaved = false;
      this.enter('busy', 'Stopping after the step under way.');
      await this.trainer.close();
      this.enter('empty', 'Stopped. Its curves stay; the next run is laid over them.');
    });
  }

  setLearningRate(): void {
    if (this.run === undefined) return;
    this.messages.attempt(() => this.trainer.setLearningRate(this.form.read().learningRate));
  }

  save(): void {
    this.messages.attempt(async () => {
      const { name, bytes } = await this.trainer.save();
      offerFile(name, bytes, 'application/x-tar');
      this.unsaved = false;
    });
  }

  load(archive: File): void {
    this.messages.attempt(async () => {
      if (this.phase === 'training') throw new Error('a run is training; pause or stop it before another is loaded');
      await this.opening('Loading', ({ machine }) => this.trainer.load(archive, machine));
      const { facts, view } = this.run!;
      this.form.show(facts.choice);
      if (facts.damaged.length > 0) this.messages.fail(`Passed over: ${facts.damaged.join('; ')}`);
      view.show();
      await this.inside.look();
    });
  }

  readCifar(files: readonly File[]): void {
    const told = proxy((share: number) => this.progress(`Reading the files: ${100 * share} %`));
    this.reading('cifar10', () => this.trainer.readCifar(files, told));
  }

  readPictures(files: readonly PictureFile[]): void {
    const told = proxy((done: number) => this.progress(`Reading pictures: ${done} of ${files.length}`));
    this.reading('imagefolder', () => this.trainer.readPictures(files, told));
  }

  /** What the network says of a picture, if there is one. */
  ask(picture: Picture | undefined): void {
    const place = element('answer', HTMLElement);
    if (picture === undefined) place.replaceChildren();
    else if (this.run === undefined) place.textContent = 'There is no network yet to ask. Press Go or Step first.';
    else if (this.phase !== 'failed' && this.phase !== 'busy')
      this.messages.attempt(async () => showAnswer(place, await this.trainer.classify(picture)));
  }

  measure(): void {
    this.messages.attempt(() =>
      this.training(async () => {
        this.inside.showStep(await this.trainer.measure(proxy((event: TrainingEvent) => this.take(event))));
        return 'paused';
      }),
    );
  }

  private reading(dataset: DataFacts['dataset'], read: () => Promise<DataFacts>): void {
    this.messages.attempt(async () => {
      if (this.run !== undefined) throw new Error('a run is open; stop it before other images are read');
      this.enter('busy', 'Reading the files');
      try {
        const { classes, training, test, skipped } = await read();
        this.form.dataset = dataset;
        const left = skipped > 0 ? `; ${skipped} could not be read` : '';
        element('images', HTMLElement).textContent =
          `${training.toLocaleString('en')} images to train on and ${test.toLocaleString('en')} to test, ${classes.length} classes${left}`;
      } finally {
        this.enter('empty', 'Choose a network and press Go.');
      }
    });
  }

  private async opening(what: string, open: (choice: Choice) => Promise<RunFacts>): Promise<void> {
    const before = this.phase;
    const choice = this.form.read();
    this.runPlaces.facts.replaceChildren(); // those of the run before
    this.enter('busy', `${what}: kernels are compiled for the device …`);
    try {
      const facts = await open(choice);
      if (before === 'failed' && this.run !== undefined) this.forget(this.run.trace);
      const trace = this.curves.begin(nameOf(facts));
      this.run = { facts, trace, view: new RunView(this.runPlaces, facts, trace) };
      await this.takeHistory();
      this.unsaved = false;
      this.runs.add(trace);
      this.enter('paused', 'Ready.');
    } catch (error) {
      this.enter(before, before === 'failed' ? 'It could not go on.' : 'Nothing was begun.');
      throw error;
    }
  }

  /** While steps are taken; then the network is looked at. */
  private async training(train: () => Promise<'finished' | 'paused'>): Promise<void> {
    const { run } = this;
    this.enter('training', 'Training.');
    try {
      const rest = await train();
      if (this.run === undefined || this.run !== run) return; // stopped meanwhile
      run.view.show();
      this.enter(rest, RESTS[rest]);
    } catch (error) {
      if (this.run !== run) return;
      this.enter('failed', FAILED);
      throw error;
    }
    await this.inside.look();
  }

  private take(event: TrainingEvent): void {
    if (this.run === undefined) return;
    const { trace, view } = this.run;
    this.unsaved = true;
    trace.add(event);
    view.add(event);
    this.redraw();
    if (event.kind === 'epoch' && this.phase === 'training') this.inside.look().catch(() => undefined); // training itself tells
  }

  /** In portions: the page answers between two of them. */
  private async takeHistory(): Promise<void> {
    let taken = 0;
    for (;;) {
      const portion = await this.trainer.history(taken);
      if (portion.length === 0) return;
      for (const event of portion) this.take(event);
      taken += portion.length;
    }
  }

  private enter(phase: Phase, sentence: string): void {
    this.phase = phase;
    this.form.enter(phase);
    element('measure', HTMLButtonElement).disabled = phase !== 'paused';
    document.body.dataset.phase = phase;
    this.messages.say(sentence);
  }

  /** What comes when its work is done already is not said. */
  private progress(sentence: string): void {
    if (this.phase === 'busy') this.messages.say(sentence);
  }

  private forget(trace: Trace): void {
    this.curves.remove(trace);
    this.runs.remove(trace);
  }
}
