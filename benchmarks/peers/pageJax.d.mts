import type { RowOrder, Work } from '../browser/rows.ts';

/** @param chain layers in a row */
export function prepare(device: RowOrder['device'], work: Work, chain: number): Promise<() => Promise<void>>;
