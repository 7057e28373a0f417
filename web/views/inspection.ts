/** What is inside a network between two steps: its answers, its layers and its filters. */
import { make, percent } from '../page.ts';
import type { Inspection, Picture, Prediction } from '../protocol.ts';
import { paint } from './pixels.ts';

export interface InspectionPlaces {
  readonly predictions: HTMLElement;
  readonly responses: HTMLElement;
  readonly gradients: HTMLElement;
  readonly filters: HTMLElement;
}

export function showInspection(places: InspectionPlaces, { predictions, layers, filters }: Inspection): void {
  places.predictions.replaceChildren(...predictions.map(predictionFigure));
  showBars(
    places.responses,
    layers.map(({ name, std }) => ({ name, value: std })),
  );
  showBars(
    places.gradients,
    layers.map(({ name, gradientStd }) => ({ name, value: gradientStd })),
  );
  showFilters(places.filters, filters);
}

/** Right and wrong are told by a sign and a word, not by colour alone. */
function predictionFigure({ picture, label, answer, confidence }: Prediction): HTMLElement {
  const right = answer === label;
  const canvas = make('canvas', { role: 'img', 'aria-label': `a picture of the class ${label}` });
  paint(canvas, picture);
  const verdict = make('span', { class: right ? 'right' : 'wrong' }, `${right ? '✓' : '✗'} ${answer}`);
  const caption = make('figcaption', {}, verdict, ' ', make('span', { class: 'number' }, percent(confidence)));
  if (!right) caption.append(make('br'), `is ${label}`);
  return make('figure', {}, canvas, caption);
}

const SVG = 'http://www.w3.org/2000/svg';
/** Units of the drawing; it is stretched to the width of its place. */
const [WIDTH, HEIGHT, TOP] = [600, 100, 14];

/** A bar for each layer, from the first to the last; a bar's name and value are its tooltip. */
function showBars(place: HTMLElement, bars: readonly { readonly name: string; readonly value: number }[]): void {
  const highest = Math.max(...bars.map(({ value }) => value));
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('class', 'bars');
  svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT + TOP}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('role', 'img');
  const names = bars.map(({ name, value }, k) => `layer ${k + 1}, ${name}: ${value.toPrecision(3)}`);
  svg.setAttribute('aria-label', names.join('; '));
  bars.forEach(({ value }, k) => {
    const height = highest > 0 ? (HEIGHT * value) / highest : 0; // layers that no gradient reaches any more
    const bar = document.createElementNS(SVG, 'rect');
    const step = WIDTH / bars.length;
    const box = { x: (k + 0.1) * step, y: TOP + HEIGHT - height, width: 0.8 * step, height };
    for (const [attribute, number] of Object.entries(box)) bar.setAttribute(attribute, number.toFixed(2));
    const title = document.createElementNS(SVG, 'title');
    title.textContent = names[k]!;
    bar.append(title);
    svg.append(bar);
  });
  const ends = `layer 1 to ${bars.length}; highest bar ${highest.toPrecision(3)}`;
  place.replaceChildren(svg, make('p', { class: 'hint' }, ends));
}

/** All on one scale: grey is zero. */
function showFilters(place: HTMLElement, filters: readonly Picture[]): void {
  const largest = Math.max(...filters.map(({ pixels }) => pixels.reduce((most, value) => Math.max(most, Math.abs(value)), 0)));
  place.replaceChildren(
    ...filters.map((filter, k) => {
      const canvas = make('canvas', { role: 'img', 'aria-label': `filter ${k + 1} of the first layer` });
      paint(canvas, filter, -largest, largest);
      return canvas;
    }),
  );
}
