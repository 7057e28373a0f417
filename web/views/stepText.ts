/** One training step as text, and its time by op. */
import { make } from '../page.ts';
import type { StepText } from '../protocol.ts';

export interface StepPlaces {
  readonly times: HTMLElement;
  readonly plan: HTMLElement;
  readonly tape: HTMLElement;
}

export function showStep(places: StepPlaces, { tape, plan, times }: StepText): void {
  places.tape.textContent = tape;
  places.plan.textContent = plan;
  for (const text of [places.tape, places.plan]) text.tabIndex = 0; // so that it is scrolled without a mouse, too
  const total = times.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  const row = (op: string, count: string, milliseconds: number): HTMLElement =>
    make('tr', {}, make('td', {}, op), make('td', {}, count), make('td', {}, milliseconds.toFixed(2)));
  const head = make('tr', {}, ...['op', 'steps of the plan', 'ms'].map((text) => make('th', { scope: 'col' }, text)));
  const rows = times.map(({ op, count, milliseconds }) => row(op, String(count), milliseconds));
  const count = times.reduce((sum, each) => sum + each.count, 0);
  places.times.replaceChildren(
    make('table', {}, make('thead', {}, head), make('tbody', {}, ...rows, row('all', String(count), total))),
  );
}
