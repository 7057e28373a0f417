/** What the page may ask for; protocol.ts says what each call does. */
import { deviceName, measureSteps, threadsInUse, useDevice } from 'tapegrad';
import { decodeRun, encodeRun, type Normalisation, type RunSettings } from 'tapegrad/training';
import type {
  Choice,
  DataFacts,
  DatasetName,
  Inspection,
  Likelihood,
  Machine,
  Picture,
  PictureFile,
  Rest,
  RunFacts,
  StepText,
  Trainer,
  TrainingEvent,
} from '../protocol.ts';
import { cifarFiles } from './cifarArchive.ts';
import { historyOf } from './history.ts';
import { builtIn, cifarImages, heldOutCount, type PageImages } from './images.ts';
import { classify, inspect } from './inspect.ts';
import { readPictures } from './pictures.ts';
import { type Moment, Session } from './session.ts';
import { choiceOf, settingsOf } from './settings.ts';
import { StepRecorder } from './stepRecorder.ts';

/** Events that the page takes without a pause that a person would notice. */
const PORTION = 2000;

export class PageTrainer implements Trainer {
  private given: Partial<Record<DatasetName, PageImages>> = {};
  private session: Session | undefined;
  /** How the run that is open, or that failed, was opened. */
  private opened: { readonly settings: RunSettings; readonly normalisation: Normalisation } | undefined;

  /** What happened in the open run before it was opened; empty once the page has it. */
  private past: readonly TrainingEvent[] = [];

  async readCifar(files: readonly File[], onProgress: (share: number) => void): Promise<DataFacts> {
    return this.give('cifar10', cifarImages(await cifarFiles(files, onProgress)), 0);
  }

  async readPictures(files: readonly PictureFile[], onProgress: (done: number) => void): Promise<DataFacts> {
    const { dataset, skipped } = await readPictures(files, onProgress);
    return this.give('imagefolder', { training: dataset, test: undefined }, skipped);
  }

  private give(dataset: DatasetName, images: PageImages, skipped: number): DataFacts {
    this.given = { ...this.given, [dataset]: images };
    const heldOut = heldOutCount(images);
    const { classes, length } = images.training;
    return { dataset, classes, training: length - heldOut, test: images.test?.length ?? heldOut, skipped };
  }

  async open(choice: Choice): Promise<RunFacts> {
    const images = this.imagesOf(choice.dataset, choice.seed);
    const settings = settingsOf(choice, heldOutCount(images));
    const { mean, std } = settings;
    if (typeof mean === 'string') throw new Error('internal: the playground subtracts given numbers');
    return this.begin(settings, { mean, std }, choice.machine);
  }

  async load(archive: File, machine: Machine): Promise<RunFacts> {
    const { settings, checkpoint, metrics, mean, damaged } = decodeRun(new Uint8Array(await archive.arrayBuffer()), archive.name);
    const facts = await this.begin(settings, { mean, std: settings.std }, machine, { checkpoint, metrics });
    return { ...facts, damaged };
  }

  async recover(machine: Machine): Promise<RunFacts> {
    if (this.opened === undefined) throw new Error('no run has failed; begin one');
    const moment = this.session?.moment;
    const { settings, normalisation } = this.opened;
    return this.begin(moment?.settings ?? settings, normalisation, machine, moment);
  }

  private async begin(
    settings: RunSettings,
    normalisation: Normalisation,
    machine: Machine,
    saved?: Pick<Moment, 'checkpoint' | 'metrics'>,
  ): Promise<RunFacts> {
    const choice = choiceOf(settings, machine);
    const images = this.imagesOf(choice.dataset, settings.seed);
    await this.close();
    const { device, threads } = machine;
    await useDevice(device, threads === undefined ? {} : { threads });
    const session = new Session(choice, settings, images, normalisation, saved);
    this.opened = { settings, normalisation };
    this.session = session;
    this.past = saved === undefined ? [] : historyOf(saved.metrics, saved.checkpoint.progress.step, 'metrics.jsonl');
    return {
      choice,
      device: deviceName()!,
      threads: threadsInUse(),
      parameters: session.parameters,
      trainingImages: session.trainingImages,
      totalSteps: session.totalSteps,
      damaged: [],
    };
  }

  private imagesOf(dataset: DatasetName, seed: number): PageImages {
    if (dataset === 'synthetic') return builtIn(seed);
    const given = this.given[dataset];
    if (given !== undefined) return given;
    throw new Error(
      dataset === 'cifar10'
        ? 'CIFAR-10 is needed and was not given yet; choose or drop cifar-10-binary.tar.gz, or its .bin files, first'
        : 'your own pictures are needed and were not given yet; choose or drop a folder that holds a folder of pictures for each class first',
    );
  }

  async history(first: number): Promise<readonly TrainingEvent[]> {
    const portion = this.past.slice(first, first + PORTION);
    if (portion.length === 0) this.past = [];
    return portion;
  }

  go(steps: number, onEvent: (event: TrainingEvent) => void): Promise<Rest> {
    return this.current.go(steps, onEvent);
  }

  pause(): void {
    this.session?.pause();
  }

  setLearningRate(learningRate: number): Promise<void> {
    return this.current.setLearningRate(learningRate);
  }

  inspect(): Promise<Inspection> {
    const session = this.current;
    return session.inTurn(() => inspect(session));
  }

  classify(picture: Picture): Promise<readonly Likelihood[]> {
    const session = this.current;
    return session.inTurn(() => classify(session, picture));
  }

  async measure(onEvent: (event: TrainingEvent) => void): Promise<StepText> {
    measureSteps(true);
    try {
      return await this.current.watchStep(onEvent, new StepRecorder());
    } finally {
      measureSteps(false);
    }
  }

  async save(): Promise<{ readonly name: string; readonly bytes: Uint8Array }> {
    const session = this.current;
    const moment = await session.inTurn(async () => session.moment);
    if (moment === undefined) throw new Error('no step is taken yet, so there is nothing to save');
    const { step } = moment.checkpoint.progress;
    const name = `tapegrad-${moment.settings.model.replace('cifar-', '')}-step${step}`;
    return { name: `${name}.tar`, bytes: encodeRun({ ...moment, name }) };
  }

  async close(): Promise<void> {
    const { session } = this;
    session?.pause();
    await session?.inTurn(async () => undefined);
    this.session = undefined;
  }

  private get current(): Session {
    if (this.session === undefined) throw new Error('no run is open; press Go first');
    return this.session;
  }
}
