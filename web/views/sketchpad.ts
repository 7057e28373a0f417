/** A picture to ask the network about: drawn with the pointer or the arrow keys, or taken from a file. */
import { make, percent } from '../page.ts';
import type { Likelihood, Picture } from '../protocol.ts';
import { contextOf, readPixels } from './pixels.ts';

export interface SketchpadParts {
  readonly canvas: HTMLCanvasElement;
  /** Shows where the arrow keys are. */
  readonly point: HTMLElement;
  readonly pen: HTMLInputElement;
  readonly ground: HTMLInputElement;
  readonly brush: HTMLInputElement;
  readonly clear: HTMLButtonElement;
}

const ARROWS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

interface Point {
  readonly x: number;
  readonly y: number;
}

export class Sketchpad {
  /** Where the pen is. */
  private cursor: Point = { x: 16, y: 16 };
  private drawing = false;
  private blank = true;

  constructor(
    private readonly parts: SketchpadParts,
    private readonly changed: (picture: Picture | undefined) => void,
  ) {
    const { canvas, clear, ground } = parts;
    clear.addEventListener('click', () => this.clear());
    ground.addEventListener('change', () => this.clear());
    canvas.addEventListener('pointerdown', (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.drawing = true;
      this.moveTo(this.pointOf(event));
      this.lineTo(this.cursor);
    });
    canvas.addEventListener('pointermove', (event) => {
      if (this.drawing && event.buttons > 0) this.lineTo(this.pointOf(event));
    });
    canvas.addEventListener('pointerup', () => this.end());
    canvas.addEventListener('keydown', (event) => this.key(event));
    canvas.addEventListener('keyup', ({ key }) => {
      if (key === ' ') this.end();
    });
    this.fill();
  }

  /** The middle square of a picture takes the whole pad. */
  async show(file: File): Promise<void> {
    const bitmap = await createImageBitmap(file).catch(() => undefined);
    if (bitmap === undefined) throw new Error(`${file.name} is no picture that this browser reads; take a PNG, JPEG or WebP`);
    const { canvas } = this.parts;
    const side = Math.min(bitmap.width, bitmap.height);
    const context = contextOf(canvas);
    context.imageSmoothingQuality = 'high';
    const [left, top] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
    context.drawImage(bitmap, left, top, side, side, 0, 0, canvas.width, canvas.height);
    this.blank = false;
    canvas.scrollIntoView({ block: 'nearest' });
    this.tell();
  }

  /** What is drawn; undefined while nothing is. */
  picture(): Picture | undefined {
    return this.blank ? undefined : readPixels(this.parts.canvas);
  }

  private clear(): void {
    this.fill();
    this.tell();
  }

  private fill(): void {
    const { canvas, ground } = this.parts;
    const context = contextOf(canvas);
    context.fillStyle = ground.value;
    context.fillRect(0, 0, canvas.width, canvas.height);
    this.blank = true;
  }

  private key(event: KeyboardEvent): void {
    const arrow = ARROWS[event.key];
    if (arrow === undefined && event.key !== ' ') return;
    event.preventDefault();
    if (arrow === undefined) {
      this.drawing = true;
      this.lineTo(this.cursor);
      return;
    }
    const { width, height } = this.parts.canvas;
    const inside = (value: number, end: number): number => Math.min(end - 1, Math.max(0, value));
    const next = { x: inside(this.cursor.x + arrow[0], width), y: inside(this.cursor.y + arrow[1], height) };
    if (this.drawing) this.lineTo(next);
    this.moveTo(next);
  }

  private pointOf({ offsetX, offsetY }: PointerEvent): Point {
    const { canvas } = this.parts;
    return { x: (offsetX * canvas.width) / canvas.clientWidth, y: (offsetY * canvas.height) / canvas.clientHeight };
  }

  private lineTo(point: Point): void {
    const { canvas, pen, brush } = this.parts;
    const context = contextOf(canvas);
    context.strokeStyle = pen.value;
    context.lineWidth = Number(brush.value);
    context.lineCap = 'round';
    context.beginPath();
    context.moveTo(this.cursor.x, this.cursor.y);
    context.lineTo(point.x, point.y);
    context.stroke();
    this.blank = false;
    this.moveTo(point);
  }

  private moveTo(point: Point): void {
    const { canvas, point: mark } = this.parts;
    mark.style.left = `${(100 * point.x) / canvas.width}%`;
    mark.style.top = `${(100 * point.y) / canvas.height}%`;
    this.cursor = point;
  }

  private end(): void {
    if (this.drawing) this.tell();
    this.drawing = false;
  }

  private tell(): void {
    this.changed(this.picture());
  }
}

/** The likeliest classes. */
export function showAnswer(place: HTMLElement, answer: readonly Likelihood[]): void {
  place.replaceChildren(
    ...answer.slice(0, 5).map(({ label, probability }) => {
      const meter = make('meter', { min: '0', max: '1', value: String(probability), 'aria-label': label });
      return make('li', {}, `${label}, ${percent(probability)}`, meter);
    }),
  );
}
