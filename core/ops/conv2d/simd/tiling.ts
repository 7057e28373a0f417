/** How a Winograd convolution is cut: sizes, blocks of tiles, and whether a task takes its tiles through all stages. */
import { panelsOf } from '../../../devices/simd/pack.ts';
import { TILE_COLUMNS } from '../../../devices/simd/tile.ts';
import type { Pair } from '../geometry.ts';

/** Elements of a transformed tile. */
export const POINTS = 36;
/** Floats of a block of transformed tiles and their products: most of a second cache of 1 MiB. */
const BLOCK_FLOATS = 196608;
/** Larger blocks gain nothing. */
const MAX_BLOCK = 84;

export interface Tiling {
  readonly images: number;
  /** Of the output of a forward pass. */
  readonly size: Pair;
  readonly tiles: Pair;
  readonly total: number;
  readonly channels: number;
  readonly outputs: number;
  readonly panels: number;
  /** Outputs padded to whole panels. */
  readonly columns: number;
  /** Tiles a block. */
  readonly block: number;
}

export function tilingOf(images: number, size: Pair, channels: number, outputs: number): Tiling {
  const tiles: Pair = [Math.ceil(size[0] / 4), Math.ceil(size[1] / 4)];
  const panels = panelsOf(outputs);
  const columns = panels * TILE_COLUMNS;
  const total = images * tiles[0] * tiles[1];
  const fitting = Math.floor(BLOCK_FLOATS / (POINTS * (channels + columns)));
  const block = Math.max(2, Math.min(MAX_BLOCK, fitting) & ~1);
  return { images, size, tiles, total, channels, outputs, panels, columns, block };
}

/** Bytes of a thread's memory for one tile of the input or of dy with its margin. */
export function patchBytes({ channels, columns }: Tiling): number {
  return 4 * POINTS * Math.max(channels, columns);
}
