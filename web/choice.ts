/** The form: what a person chose, and which of it may be changed now. */
import { element } from './page.ts';
import type { Choice, DatasetName, Machine } from './protocol.ts';

/** Where a run stands: what may be pressed and changed follows from it. */
export type Phase = 'empty' | 'busy' | 'training' | 'paused' | 'finished' | 'failed';

const BUTTONS = ['go', 'pause', 'step', 'stop', 'save', 'load'] as const;
export type ButtonName = (typeof BUTTONS)[number];

/** Phases in which each button works. */
const WORKS: Readonly<Record<ButtonName, readonly Phase[]>> = {
  go: ['empty', 'paused', 'failed'],
  pause: ['training'],
  step: ['empty', 'paused'],
  stop: ['training', 'paused', 'finished', 'failed'],
  save: ['training', 'paused', 'finished'],
  load: ['empty', 'paused', 'finished', 'failed'],
};

export class ChoiceForm {
  readonly form = element('settings', HTMLFormElement);
  /** The button that was pressed, while it does not work and so cannot keep the focus. */
  private pressed: Element | undefined;

  constructor() {
    this.form.addEventListener('change', () => this.showParts());
    this.showParts();
  }

  button(name: ButtonName): HTMLButtonElement {
    const found = this.form.elements.namedItem(name);
    if (found instanceof HTMLButtonElement) return found;
    throw new Error(`internal: index.html has no button ${name}`);
  }

  input(name: string): HTMLInputElement {
    const found = this.form.elements.namedItem(name);
    if (found instanceof HTMLInputElement) return found;
    throw new Error(`internal: index.html has no input ${name}`);
  }

  private select(name: string): HTMLSelectElement {
    const found = this.form.elements.namedItem(name);
    if (found instanceof HTMLSelectElement) return found;
    throw new Error(`internal: index.html has no list ${name}`);
  }

  /** Throws a sentence for a number that does not do; the browser marks its field. */
  read(): Choice {
    const wrong = [...this.form.elements].find((each) => each instanceof HTMLInputElement && !each.checkValidity());
    if (wrong instanceof HTMLInputElement) {
      wrong.reportValidity();
      throw new Error(`${wrong.labels?.[0]?.textContent.trim()}: ${wrong.validationMessage}`);
    }
    const number = (name: string): number => this.input(name).valueAsNumber;
    return {
      kind: this.select('kind').value === 'plain' ? 'plain' : 'resnet',
      depth: number('depth'),
      shortcut: oneOf(['A', 'B', 'C'], this.select('shortcut').value),
      width: number('width'),
      dataset: this.dataset,
      augment: this.input('augment').checked,
      batchSize: number('batchSize'),
      learningRate: number('learningRate'),
      epochs: number('epochs'),
      seed: number('seed'),
      machine: this.machine,
    };
  }

  get dataset(): DatasetName {
    return oneOf(['synthetic', 'cifar10', 'imagefolder'], this.select('dataset').value);
  }

  set dataset(name: DatasetName) {
    this.select('dataset').value = name;
    this.showParts();
  }

  get machine(): Machine {
    const threads = this.input('threads').valueAsNumber;
    return {
      device: oneOf(['auto', 'webgpu', 'webgl2', 'simd'], this.select('device').value),
      threads: Number.isNaN(threads) ? undefined : threads,
    };
  }

  /** Shows the choice of a run that was loaded. */
  show({ kind, shortcut, dataset, augment, machine: _, ...numbers }: Choice): void {
    this.select('kind').value = kind;
    this.select('shortcut').value = shortcut;
    this.select('dataset').value = dataset;
    this.input('augment').checked = augment;
    for (const [name, value] of Object.entries(numbers)) this.input(name).valueAsNumber = value;
    this.showParts();
  }

  /** What belongs to a run cannot change while there is one; after a failure it may go on on another device. */
  enter(phase: Phase): void {
    const focused = document.activeElement;
    for (const name of BUTTONS) this.button(name).disabled = !WORKS[name].includes(phase);
    this.keepFocus(focused);
    const open = phase !== 'empty';
    for (const fieldset of this.form.querySelectorAll<HTMLFieldSetElement>('fieldset[data-part]'))
      fieldset.disabled = open && !(phase === 'failed' && fieldset.dataset.part === 'machine');
    for (const input of this.form.querySelectorAll<HTMLInputElement>('input[data-fixed]')) input.disabled = open;
  }

  /** Browsers take the focus from a button that stops working; who has no mouse gets it back when the button works again. */
  private keepFocus(focused: Element | null): void {
    if (focused?.matches('button:disabled')) this.pressed = focused;
    if (!(this.pressed instanceof HTMLButtonElement) || this.pressed.disabled) return;
    if (document.activeElement === document.body) this.pressed.focus({ preventScroll: true });
    this.pressed = undefined;
  }

  /** A plain network has no shortcuts; files are asked for only where they are used; threads are simd's. */
  private showParts(): void {
    this.select('shortcut').disabled = this.select('kind').value === 'plain';
    for (const part of this.form.querySelectorAll<HTMLElement>('.files')) part.hidden = part.dataset.for !== this.dataset;
    const { device } = this.machine;
    this.input('threads').disabled = device !== 'auto' && device !== 'simd';
  }
}

function oneOf<Name extends string>(names: readonly Name[], value: string): Name {
  const found = names.find((name) => name === value);
  if (found === undefined) throw new Error(`internal: index.html offers ${value}`);
  return found;
}
