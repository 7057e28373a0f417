/** What the page says: how the run stands, what went wrong, and what the browser or the host lacks. */
import { element } from './page.ts';

export class Messages {
  private readonly phase = element('phase', HTMLElement);
  private readonly alert = element('alert', HTMLElement);
  private readonly lack = element('notice', HTMLElement);

  say(sentence: string): void {
    this.phase.textContent = sentence;
  }

  notice(sentence: string): void {
    this.lack.textContent = sentence;
    this.lack.hidden = false;
  }

  fail(sentence: string): void {
    this.alert.textContent = sentence;
    this.alert.hidden = false;
    this.alert.scrollIntoView({ block: 'nearest' });
  }

  /** Does something for a person, who reads what went wrong. */
  attempt(body: () => Promise<void>): void {
    this.alert.hidden = true;
    const caught = async (): Promise<void> => body(); // what it throws before its first await, too
    caught().catch((error: unknown) => this.fail(error instanceof Error ? error.message : String(error)));
  }
}
