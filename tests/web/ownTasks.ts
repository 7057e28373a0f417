/** What keeps the page's own thread busy. */
import type { Page } from 'playwright-core';

/** Milliseconds without a pause from which on a person notices; browsers call such a task long. */
export const LONG_TASK = 50;

/** Milliseconds of processor time of each task on the page's own thread meanwhile: what others take of a busy machine is not in it. */
export async function ownTasks(page: Page, body: () => Promise<unknown>): Promise<number[]> {
  const browser = page.context().browser()!;
  await browser.startTracing(page, { categories: ['toplevel', 'disabled-by-default-devtools.timeline'] });
  await body();
  const trace = await browser.stopTracing();
  interface Event {
    readonly name: string;
    readonly pid: number;
    readonly tid: number;
    readonly tdur?: number;
    readonly args: { readonly name?: string };
  }
  const { traceEvents }: { readonly traceEvents: readonly Event[] } = JSON.parse(trace.toString());
  const threadOf = ({ pid, tid }: Event): string => `${pid} ${tid}`;
  const named = traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const pages = new Set(named.map(threadOf));
  const tasks = traceEvents.filter((event) => /RunTask$/.test(event.name) && pages.has(threadOf(event)));
  return tasks.map(({ tdur = 0 }) => tdur / 1000);
}
