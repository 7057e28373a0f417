/** How a Winograd convolution is cut: sizes, blocks of tiles, and whether a task takes its tiles through all stages. */
import { type I32, type I32Var, type Int, local, select } from '../../../devices/simd/emit/index.ts';
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

/**
 * Distances that are large powers of two put everything into a few sets of the caches, so a tile's channels take a cache line more
 * where they would fill a multiple of 1 KiB, and so does each of the 36 planes.
 */
export function pitchFloats(floats: number): number {
  return floats % 256 === 0 ? floats + 16 : floats;
}

/** Floats of 36 planes of `rows` tiles or channels, each of so many floats. */
export function planesFloats(rows: number, floats: number): number {
  return POINTS * (rows * pitchFloats(floats) + 16);
}

/** The same in a kernel, in bytes. */
export function pitchBytes(bytes: I32): I32Var {
  const own = local(bytes);
  return local(select(own.and(1023), own, own.add(64)));
}

export function planeBytes(rows: I32, pitch: Int): I32Var {
  return local(rows.mul(pitch).add(64));
}

/** Bytes of a thread's memory for one tile of the input or of dy with its margin. */
export function patchBytes({ channels, columns }: Tiling): number {
  return 4 * POINTS * Math.max(channels, columns);
}
