/**
 * What a cell of the gpu.js kernels makes. It returns four numbers and works by what it loads, so the four are chosen to share most:
 * neighbouring outputs share what lies between them, output channels all that they read of an image.
 */

import type { Pair } from '../geometry.ts';
import { type Correlation, type Frame, frameOf, isPrinted, meetings, readsAsItLies, shiftOf } from './frame.ts';

/** Output channels, rows and columns: four numbers in all, numbered in this order. */
export interface Tile {
  readonly channels: number;
  readonly size: Pair;
}

/** That the tile's position `lane` adds weight number `tap` times what it reads. */
export interface Term {
  readonly lane: number;
  readonly tap: number;
}

const TILES: readonly Tile[] = [
  { channels: 1, size: [2, 2] },
  { channels: 2, size: [2, 1] },
  { channels: 1, size: [4, 1] },
  { channels: 4, size: [1, 1] },
];

/** How the outputs of a correlation are cut into tiles. */
export interface Tiling {
  readonly tile: Tile;
  readonly frame: Frame;
  /** As the tiles see it: where it is plain, several rows may stand for one. */
  readonly correlation: Correlation;
  /** What is read from where, as shifts in rising order, and for what; undefined where there are too many taps to print. */
  readonly reads: ReadonlyMap<number, readonly Term[]> | undefined;
  /** Numbers that a cell loads for each channel. */
  readonly loads: number;
}

/** The tiling with the fewest loads. */
export function tilingOf(correlation: Correlation): Tiling {
  const fitting = TILES.filter(({ channels }) => correlation.outputs % channels === 0);
  const tilings = fitting.map((tile) => tilingBy(correlation, tile));
  return tilings.reduce((best, each) => (loadsOfImage(each) < loadsOfImage(best) ? each : best));
}

function tilingBy(given: Correlation, tile: Tile): Tiling {
  const correlation = inLine(given, tile.size[0]);
  const frame = frameOf(correlation, tile.size);
  const reads = readsOf(correlation, tile, frame);
  const taps = correlation.kernel[0] * correlation.kernel[1];
  const elements = reads === undefined ? (taps * 2 * 4) / tile.channels : reads.size; // from a table each with its shift
  return { tile, frame, correlation, reads, loads: elements + taps * tile.channels };
}

/** A kernel of one tap sees no rows: the image is one line, cut into as many rows as a tile has, where that goes without rest. */
function inLine(correlation: Correlation, rows: number): Correlation {
  const { kernel, source } = correlation;
  const pixels = source[0] * source[1];
  if (kernel[0] * kernel[1] > 1 || !readsAsItLies(correlation) || pixels % rows !== 0) return correlation;
  const line: Pair = [rows, pixels / rows];
  return { ...correlation, source: line, size: line };
}

function readsOf(correlation: Correlation, { size }: Tile, frame: Frame): Tiling['reads'] {
  if (!isPrinted(correlation)) return undefined;
  const { kernel } = correlation;
  const reads = new Map<number, Term[]>();
  for (const down of meetings(correlation, size[0], 0))
    for (const right of meetings(correlation, size[1], 1)) {
      const shift = shiftOf(frame, [down.distance, right.distance]);
      const term = { lane: down.lane * size[1] + right.lane, tap: down.tap * kernel[1] + right.tap };
      reads.set(shift, [...(reads.get(shift) ?? []), term]);
    }
  return new Map([...reads].sort(([a], [b]) => a - b));
}

/** By all cells, for one channel of the source; copying an image into its frame is about two more for each element. */
function loadsOfImage({ tile, frame, correlation, loads }: Tiling): number {
  const cells = (frame.positions * correlation.outputs) / tile.channels;
  return loads * cells + (frame.bare ? 0 : 2 * frame.area);
}
