/**
 * The register tile on which convolutions and matrix products stand: 2 rows x 16 columns. Eight sums, four vectors of the columns, two
 * of the rows and one product are the fifteen vector registers that V8 gives a loop; one more and everything goes through memory.
 * For the same reason the loop over k is not unrolled.
 */
import {
  type F32x4Var,
  type I32,
  type I32Var,
  load,
  loadSplat,
  local,
  multiplyAdd,
  splat,
  store,
  times,
  when,
} from './emit/index.ts';
import { storeUpTo } from './rows.ts';

export const TILE_ROWS = 2;
export const TILE_COLUMNS = 16;
/** Bytes of the columns of one k. */
export const COLUMN_BYTES = 4 * TILE_COLUMNS;

export type Tile = readonly (readonly F32x4Var[])[];

export function zeroTile(): Tile {
  return times(TILE_ROWS, () => times(TILE_COLUMNS / 4, () => local(splat(0))));
}

/** tile[i][j] += a[i] b[j] for one k: a float at each address of `rows`, 16 at `columns`. */
export function rankOne(tile: Tile, rows: readonly I32[], columns: I32): void {
  const b = tile[0]!.map((_, j) => load(columns, 16 * j));
  tile.forEach((sums, i) => {
    const a = loadSplat(rows[i]!);
    sums.forEach((sum, j) => sum.set(multiplyAdd(a, b[j]!, sum)));
  });
}

/** Stores each row's first `columns` columns at its address; the second row wins where both have one address. */
export function storeTile(tile: Tile, addresses: readonly I32Var[], columns: I32Var): void {
  when(
    columns.ge(TILE_COLUMNS),
    () => tile.forEach((sums, i) => sums.forEach((sum, j) => store(addresses[i]!, sum, 16 * j))),
    () =>
      tile.forEach((sums, i) => sums.forEach((sum, j) => storeUpTo(addresses[i]!.add(16 * j), sum, local(columns.sub(4 * j))))),
  );
}
