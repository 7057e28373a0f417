/** The runs in the charts; each can be taken out again. */
import { make } from '../page.ts';
import type { Trace } from './trace.ts';

export class RunList {
  private readonly items = new Map<Trace, HTMLElement>();

  constructor(
    private readonly place: HTMLElement,
    /** Called when a person wants a run out. */
    private readonly unwanted: (trace: Trace) => void,
  ) {}

  add(trace: Trace): void {
    const swatch = make('span', { class: 'swatch', style: `background: ${trace.colour}` });
    const remove = make('button', { type: 'button', 'aria-label': `Take ${trace.name} out of the charts` }, '×');
    remove.addEventListener('click', () => this.unwanted(trace));
    const item = make('li', {}, swatch, trace.name, remove);
    this.items.set(trace, item);
    this.place.append(item);
  }

  remove(trace: Trace): void {
    this.items.get(trace)?.remove();
    this.items.delete(trace);
  }
}
