/**
 * A "thread" that is the calling thread itself, for where no memory can be shared: the same text, run in place. Messages and answers wait
 * for a turn of the event loop, in order, so that timers and other messages have theirs between two plans; while a plan is running, nothing
 * else is.
 */
import { turn } from './breather.ts';
import type { Thread, ThreadEvents } from './thread.ts';

export function startInPlace(source: string, data: object, events: ThreadEvents): Thread {
  let handle: (message: object) => void = () => undefined;
  let ended = false;
  let last: Promise<void> = Promise.resolve();
  /** Does `work` after everything that was asked for before. */
  const later = (work: () => void): void => {
    last = last
      .then(turn)
      .then(() => (ended ? undefined : work()))
      .catch((error: unknown) => events.fail(error instanceof Error ? error : new Error(String(error))));
  };
  const listen = (given: typeof handle): void => {
    handle = given;
  };
  const answer = (value: unknown): void => later(() => events.answer(value));
  new Function('data', 'listen', 'answer', source)(data, listen, answer);
  // Whoever calls is alive by itself.
  const nothing = (): void => undefined;
  return {
    post: (message) => later(() => handle(message)),
    hold: nothing,
    letGo: nothing,
    end: () => {
      ended = true;
    },
  };
}
