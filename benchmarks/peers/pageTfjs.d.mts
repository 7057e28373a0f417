import type { Work } from '../browser/rows.ts';

/** @param chain layers in a row */
export function prepare(work: Work, chain: number): Promise<() => Promise<void>>;
