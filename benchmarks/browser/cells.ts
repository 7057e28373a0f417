/** What the page and the terminal print of a row. */
import type { Outcome, RowOrder } from './rows.ts';

export interface Done {
  readonly order: RowOrder;
  readonly outcome: Outcome;
}

/** Work, framework, device, milliseconds, images a second, time by tapegrad's, share until submitted; of a failure the first four. */
export function cellsOf(order: RowOrder, outcome: Outcome, done: readonly Done[]): string[] {
  const names = [order.title, order.framework, order.device];
  if ('failure' in outcome) return [...names, `did not run: ${outcome.failure}`];
  const { milliseconds, dispatch } = outcome;
  const own = ownTime(order, done);
  return [
    ...names,
    milliseconds.toFixed(milliseconds < 10 ? 2 : 1),
    order.work.kind === 'step' ? imagesPerSecond(order, milliseconds).toFixed(1) : '',
    own === undefined || order.framework === 'tapegrad' ? '' : (milliseconds / own).toFixed(2),
    dispatch === undefined ? '' : `${(100 * dispatch).toFixed(1)} %`,
  ];
}

export function imagesPerSecond({ work }: RowOrder, milliseconds: number): number {
  return (1000 * work.batch) / milliseconds;
}

/** tapegrad's best time for the same work on the same kind of device. */
function ownTime(order: RowOrder, done: readonly Done[]): number | undefined {
  const same = done.filter(
    (each) =>
      each.order.framework === 'tapegrad' &&
      (each.order.device === 'webgpu') === (order.device === 'webgpu') &&
      JSON.stringify(each.order.work) === JSON.stringify(order.work),
  );
  const times = same.flatMap(({ outcome }) => ('failure' in outcome ? [] : [outcome.milliseconds]));
  return times.length === 0 ? undefined : Math.min(...times);
}

export function asLine({ title, framework, device, threads, work }: RowOrder, outcome: Outcome): string {
  return JSON.stringify({ title, framework, device, threads, ...work, ...outcome });
}
