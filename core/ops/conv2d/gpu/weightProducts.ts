/**
 * The gpu.js kernel of conv2d's weight gradient. It sums over positions, so neighbouring cells make neighbouring output channels, for
 * which dy is laid out anew as [n, y, x, o]: then they read neighbours of dy, and all the same element of the image.
 */
import { type Kernel, kernel } from '../../../devices/gpu/kernel.ts';
import { quotient, unrolling, walk } from '../../../devices/gpu/walk.ts';
import { type Correlation, type Frame, shiftOf } from './frame.ts';
import { printShift } from './products.ts';

/** How the positions of a chunk of images are cut into parts: so many images each, or pieces of one. */
export interface Parts {
  readonly images: number;
  readonly perPart: number;
  /** Rows and columns of a piece, and how many pieces lie below and beside each other in an image. */
  readonly piece: readonly [number, number];
  readonly pieces: readonly [number, number];
}

/** What a cell makes: outputs x channels x neighbouring taps of a row, four at most, numbered in this order. */
export interface WeightTile {
  readonly outputs: number;
  readonly channels: number;
  readonly taps: number;
}

/** Columns at which the loop along a row is unrolled at most, where its length divides. */
const MOST_UNROLLED = 8;

/** The tile with the fewest loads for a product. */
export function weightTileOf(correlation: Correlation, frame: Frame): WeightTile {
  const { channels, groups, outputs, kernel: window } = correlation;
  const lengths = [1, 2, 3, 4];
  const tiles = lengths.flatMap((o) => lengths.flatMap((c) => [1, window[1]].map((taps) => ({ outputs: o, channels: c, taps }))));
  const fitting = tiles.filter(
    (tile) => outputs % tile.outputs === 0 && (channels / groups) % tile.channels === 0 && sizeOf(tile) <= 4,
  );
  const loads = (tile: WeightTile): number => {
    const read = tile.channels * columnsRead(frame, correlation, tile, MOST_UNROLLED).length + tile.outputs * MOST_UNROLLED;
    return read / (MOST_UNROLLED * sizeOf(tile));
  };
  return fitting.reduce((best, each) => (loads(each) < loads(best) ? each : best));
}

function sizeOf({ outputs, channels, taps }: WeightTile): number {
  return outputs * channels * taps;
}

/** Shifts at which a channel is read for so many columns. */
function columnsRead(frame: Frame, correlation: Correlation, { taps }: WeightTile, columns: number): number[] {
  const shifts = Array.from({ length: taps }, (_, tap) => tapShift(frame, correlation, tap));
  return [...new Set(shifts.flatMap((shift) => Array.from({ length: columns }, (_, q) => shift + q)))].sort((a, b) => a - b);
}

/** From the first tap of a row to another. */
function tapShift(frame: Frame, { dilation }: Correlation, tap: number): number {
  return shiftOf(frame, [0, tap * dilation[1]]);
}

/**
 * partial[part z, (c / tile, i, j / tile) y, (g, o / tile) x, 4] = sum of turned[n, q, o] framed[n, c, q + shift(i, j)] over images and
 * positions of a part.
 *
 *     for image m of the part, row r, column q:  v = framed[...];  d = turned[...];  each sum += d * v
 */
export function multiplyParts(correlation: Correlation, frame: Frame, tile: WeightTile, parts: Parts, first: number): Kernel {
  const { channels, groups, outputs, kernel: window, dilation } = correlation;
  const { images, perPart, piece, pieces } = parts;
  const perRow = window[1] / tile.taps;
  const tapRows = window[0] * perRow;
  const whole = pieces[0] * pieces[1] === 1;
  const image = whole ? `(this.thread.z * ${perPart} + m)` : 'block';
  const group = groups === 1 ? '' : `${quotient('this.thread.x', outputs / tile.outputs)} * ${channels / groups} + `;
  const place = `(${group}c * ${tile.channels}) * ${frame.area} + shift${whole ? '' : ` + top * ${frame.pitch} + left`}`;
  const body = row(correlation, frame, tile, parts, { image, first, whole });
  return kernel(
    'multiplyParts',
    `function (turned, framed) {
  const c = ${quotient('this.thread.y', tapRows)};
  const i = ${quotient(`(this.thread.y - c * ${tapRows})`, perRow)};
  const down = i * ${dilation[0]};
  const right = (this.thread.y - c * ${tapRows} - i * ${perRow}) * ${tile.taps * dilation[1]};
${printShift(frame, ['down', 'right'])}
  ${whole ? '' : printPiece(parts)}
  const start = ${place};
  let c0 = 0.0; let c1 = 0.0; let c2 = 0.0; let c3 = 0.0;
  for (let m = 0; m < ${perPart}; m++) {
    for (let r = 0; r < ${piece[0]}; r++) {
      ${images % perPart === 0 ? body : `if (${image} < ${images}) {${body}}`}
    }
  }
  return [c0, c1, c2, c3];
}`,
    4,
  );
}

function printPiece({ piece, pieces }: Parts): string {
  return `const block = ${quotient('this.thread.z', pieces[0] * pieces[1])};
  const place = this.thread.z - block * ${pieces[0] * pieces[1]};
  const band = ${quotient('place', pieces[1])};
  const top = band * ${piece[0]};
  const left = (place - band * ${pieces[1]}) * ${piece[1]};`;
}

interface Place {
  /** An expression, and the image of the batch that is number 0 in it. */
  readonly image: string;
  readonly first: number;
  /** Whether the part is made of whole images. */
  readonly whole: boolean;
}

/** One row of one image: the columns, unrolled. */
function row(correlation: Correlation, frame: Frame, tile: WeightTile, { piece, pieces }: Parts, place: Place): string {
  const { size, channels, groups, outputs } = correlation;
  const [raggedRows, raggedColumns] = [pieces[0] * piece[0] > size[0], pieces[1] * piece[1] > size[1]];
  const unrolled = raggedColumns ? 1 : unrolling(piece[1], MOST_UNROLLED);
  const width = groups * outputs;
  const image = frame.bare ? `(${place.image} + ${place.first})` : place.image;
  const inside = place.whole ? `r * ${size[1]}` : `(top + r) * ${size[1]} + left`;
  const at = walk('at', `start + ${image} * ${channels * frame.area} + r * ${frame.pitch}`);
  const d = walk(
    'd',
    `((${place.image} + ${place.first}) * ${size[0] * size[1]} + ${inside}) * ${width} + this.thread.x * ${tile.outputs}`,
  );
  const terms = rowTerms(correlation, frame, tile, unrolled);
  const guarded = raggedColumns ? [`if (left + q < ${size[1]}) {`, ...terms, '}'] : terms;
  const lines = [at.begin, d.begin, `for (let q = 0; q < ${piece[1] / unrolled}; q++) {`];
  lines.push(...guarded, at.move(unrolled), d.move(unrolled * width), '}');
  return (raggedRows ? [`if (top + r < ${size[0]}) {`, ...lines, '}'] : lines).join('\n        ');
}

/** `unrolled` columns: what a sum needs is read when the first one needs it. */
function rowTerms(correlation: Correlation, frame: Frame, tile: WeightTile, unrolled: number): string[] {
  const width = correlation.groups * correlation.outputs;
  const shifts = columnsRead(frame, correlation, tile, unrolled);
  const read = new Set<string>();
  const lines: string[] = [];
  const once = (name: string, place: string): string => {
    if (!read.has(name)) lines.push(`const ${name} = ${place};`);
    read.add(name);
    return name;
  };
  for (let q = 0; q < unrolled; q++)
    for (let lane = 0; lane < sizeOf(tile); lane++) {
      const tap = lane % tile.taps;
      const c = Math.floor(lane / tile.taps) % tile.channels;
      const o = Math.floor(lane / (tile.taps * tile.channels));
      const shift = shifts.indexOf(tapShift(frame, correlation, tap) + q);
      const value = once(`v${c}_${shift}`, `framed[at + ${c * frame.area + shifts[shift]!}]`);
      const factor = once(`d${o}_${q}`, `turned[d + ${q * width + o}]`);
      lines.push(`c${lane} += ${factor} * ${value};`);
    }
  return lines;
}
