/**
 * The gpu.js kernels that bring arrays into the order in which products want them, and back. Cells run over neighbouring elements
 * along x, so that divisions, of rows by sizes, are uniform for a backend that computes several x at once.
 */
import { type Kernel, type KernelThis, kernel } from '../../../devices/gpu/kernel.ts';
import { quotient } from '../../../devices/gpu/walk.ts';
import type { Correlation, Frame } from './frame.ts';
import type { Tiling } from './tile.ts';
import type { WeightTile } from './weightProducts.ts';

/** framed[image z, (channel, phase, row) y, column x] of the images from `first` on, see frame.ts. */
export function frameImages({ channels, source, padding, spread }: Correlation, frame: Frame, first: number): Kernel {
  const [y, x] = frame.phases;
  const phases = y.count * x.count;
  const inside = (name: string, place: string, axis: 0 | 1): readonly [begin: string, test: string] => {
    if (spread[axis] === 1) return [`const ${name} = ${place};`, `${name} >= 0 && ${name} < ${source[axis]}`];
    const known = `const ${name}Spread = ${place}; const ${name} = idiv(Math.max(${name}Spread, 0.0), ${spread[axis]});`;
    return [known, `${name} * ${spread[axis]} === ${name}Spread && ${name} < ${source[axis]}`];
  };
  const [row, isRow] = inside('h', `line * ${y.step} + a * ${y.gap} + ${y.first - padding[0]}`, 0);
  const [column, isColumn] = inside('w', `this.thread.x * ${x.step} + b * ${x.gap} + ${x.first - padding[1]}`, 1);
  return kernel(
    'frame',
    `function (source) {
  const plane = ${quotient('this.thread.y', frame.rows)};
  const line = this.thread.y - plane * ${frame.rows};
  const channel = ${quotient('plane', phases)};
  const phase = plane - channel * ${phases};
  const a = ${quotient('phase', x.count)};
  const b = phase - a * ${x.count};
  ${row}
  ${column}
  let value = 0.0;
  if (${isRow} && ${isColumn}) {
    value = source[(((this.thread.z + ${first}) * ${channels} + channel) * ${source[0]} + h) * ${source[1]} + w];
  }
  return value;
}`,
  );
}

/** Images of the batch that are worked on at once. */
export interface Chunk {
  readonly first: number;
  readonly images: number;
}

/** y[image z, (o, y) y, x] = product[image, o / tile, position, 4], see tile.ts; chunk by chunk where not all `n` images have been made. */
export function unpack({ correlation, frame, tile }: Tiling, { first, images }: Chunk, n: number): Kernel {
  const { groups, outputs, size } = correlation;
  const {
    channels,
    size: [rows, columns],
  } = tile;
  const lines = groups * outputs * size[0];
  const value = (image: string): string =>
    `product[((${image} * ${(groups * outputs) / channels} + o) * ${frame.positions} + row * ${frame.pitch} + column) * 4 + lane]`;
  const place = `const channel = ${quotient('this.thread.y', size[0])};
  const y = this.thread.y - channel * ${size[0]};
  const o = ${quotient('channel', channels)};
  const row = ${quotient('y', rows)};
  const column = ${quotient('this.thread.x', columns)};
  const line = (channel - o * ${channels}) * ${rows} + y - row * ${rows};
  const lane = line * ${columns} + this.thread.x - column * ${columns};`;
  if (images === n) return kernel('unpack', `function (product) {\n  ${place}\n  return ${value('this.thread.z')};\n}`);
  return kernel(
    'unpackChunk',
    `function (product, previous) {
  ${place}
  const n = this.thread.z - ${first};
  let value = 0.0;
  if (n >= 0) {
    if (n < ${images}) {
      value = ${value('n')};
    }
  } else {
    value = previous[(this.thread.z * ${lines} + this.thread.y) * ${size[1]} + this.thread.x];
  }
  return value;
}`,
  );
}

/** turned[n, y, x, o x] = dy[n, o, y, x]. Cells: channel x, pixel of a line y, line z, of which an image has `lines`. */
export const turn = kernel('turn', function (this: KernelThis, dy: Float32Array) {
  const image = idiv(this.thread.z, this.constants.lines!);
  const line = this.thread.z - image * this.constants.lines!;
  const plane = image * this.constants.channels! + this.thread.x;
  return dy[(plane * this.constants.lines! + line) * this.constants.length! + this.thread.y]!;
});

/** How the sums of a part of the weight gradient lie: `height` rows of `width` cells of four; and how many parts there are. */
export interface PartialSums {
  readonly width: number;
  readonly height: number;
  readonly count: number;
}

/** dw[o y, (c, tap) x] = sum over parts of partial[part, (c, tap) / tile, o / tile, 4], plus what earlier chunks gave. */
export function addParts(
  { channels, groups, kernel: window }: Correlation,
  tile: WeightTile,
  sums: PartialSums,
  more: boolean,
): Kernel {
  const taps = window[0] * window[1];
  const length = (channels / groups) * taps;
  return kernel(
    'addParts',
    `function (partial${more ? ', previous' : ''}) {
  const channel = ${quotient('this.thread.x', taps)};
  const tap = this.thread.x - channel * ${taps};
  const c = ${quotient('channel', tile.channels)};
  const k = ${quotient('tap', tile.taps)};
  const o = ${quotient('this.thread.y', tile.outputs)};
  const line = (this.thread.y - o * ${tile.outputs}) * ${tile.channels} + channel - c * ${tile.channels};
  const lane = line * ${tile.taps} + tap - k * ${tile.taps};
  const start = ((c * ${taps / tile.taps} + k) * ${sums.width} + o) * 4 + lane;
  let total = ${more ? `previous[this.thread.y * ${length} + this.thread.x]` : '0.0'};
  for (let part = 0; part < ${sums.count}; part++) {
    total += partial[start + part * ${4 * sums.width * sums.height}];
  }
  return total;
}`,
  );
}
