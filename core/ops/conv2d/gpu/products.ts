/**
 * The gpu.js kernel of conv2d that multiplies weights and images. Sizes are printed into the source and places in arrays are walked to,
 * so that gpu.js computes with whole numbers (walk.ts). Divisions are printed only where there are groups, and never inside of a loop.
 */
import { type Kernel, kernel } from '../../../devices/gpu/kernel.ts';
import { quotient, unrolling, walk } from '../../../devices/gpu/walk.ts';
import type { Correlation, Frame } from './frame.ts';
import type { Term, Tiling } from './tile.ts';

/** Weights as conv2d has them, [outputs, channels, taps]; or those of a gradient, [channels, outputs, taps], taps in reverse. */
export type WeightOrder = 'straight' | 'turned';

/**
 * product[image z, (g, o / tile) y, position x, 4] = sum of weights[o, c, tap] framed[first + image, c, x + shift(tap)]
 *
 *     for c of the group:  for what the tile reads:  v = framed[...];  for each output that it adds to:  sum += weights[...] * v
 */
export function correlate(tiling: Tiling, order: WeightOrder, first: number): Kernel {
  const { correlation, frame, tile, reads } = tiling;
  const { channels, groups, outputs } = correlation;
  const weights = weightsOf(correlation, order);
  const [perGroup, cells] = [channels / groups, outputs / tile.channels];
  const group = groups === 1 ? '' : `const g = ${quotient('this.thread.y', cells)};`;
  const [channel, quad] = groups === 1 ? ['', 'this.thread.y'] : [` + g * ${perGroup}`, `(this.thread.y - g * ${cells})`];
  const at = walk('at', `((this.thread.z + ${first}) * ${channels}${channel}) * ${frame.area} + this.thread.x`);
  const ofGroup = groups === 1 ? '' : `g * ${perGroup * outputs * weights.taps} + `;
  const w = walk('w', `${ofGroup}${quad} * ${tile.channels * weights.output}`);
  const sums = reads === undefined ? [sumsByTable(tiling, weights)] : sumsByLines(tiling, reads, weights);
  const unrolled = sums.length;
  return kernel(
    'correlate',
    `function (weights, framed${reads === undefined ? ', shifts' : ''}) {
  ${[group, at.begin, w.begin].filter((line) => line !== '').join('\n  ')}
  let c0 = 0.0; let c1 = 0.0; let c2 = 0.0; let c3 = 0.0;
  for (let c = 0; c < ${perGroup / unrolled}; c++) {
    ${[...sums.flat(), w.move(unrolled * weights.channel), at.move(unrolled * frame.area)].join('\n    ')}
  }
  return [c0, c1, c2, c3];
}`,
    4,
  );
}

/** How many taps, and how far it is from an output or a channel to the next. */
interface Weights {
  readonly taps: number;
  readonly output: number;
  readonly channel: number;
  /** Taps from the last on to the first. */
  readonly turned: boolean;
}

function weightsOf({ kernel, channels, groups, outputs }: Correlation, order: WeightOrder): Weights {
  const taps = kernel[0] * kernel[1];
  if (order === 'straight') return { taps, output: (channels / groups) * taps, channel: taps, turned: false };
  return { taps, output: taps, channel: outputs * taps, turned: true };
}

/** Loads in the body of the loop over channels, at most, where several of them are taken at once. */
const MOST_LOADS = 32;

/** Lines for each of some channels: every weight is read once, and every element of the image. */
function sumsByLines(
  { tile, frame, correlation, loads }: Tiling,
  reads: ReadonlyMap<number, readonly Term[]>,
  weights: Weights,
): string[][] {
  const lanes = 4 / tile.channels;
  const outputs = Array.from({ length: tile.channels }, (_, o) => o);
  const taps = Array.from({ length: weights.taps }, (_, tap) => tap);
  const channels = unrolling(correlation.channels / correlation.groups, MOST_LOADS / loads);
  const numbered = (count: number, k: number): string => (count === 1 ? '' : `_${k}`);
  const weight = (c: number, o: number, tap: number): string => `w${tap}${numbered(outputs.length, o)}${numbered(channels, c)}`;
  const place = (c: number, o: number, tap: number): number =>
    c * weights.channel + o * weights.output + (weights.turned ? weights.taps - 1 - tap : tap);
  return Array.from({ length: channels }, (_, c) => [
    ...taps.flatMap((tap) => outputs.map((o) => `const ${weight(c, o, tap)} = weights[w + ${place(c, o, tap)}];`)),
    ...[...reads].flatMap(([shift, terms], k) => {
      const v = `v${k}${numbered(channels, c)}`;
      const sums = outputs.flatMap((o) => terms.map(({ lane, tap }) => `c${o * lanes + lane} += ${weight(c, o, tap)} * ${v};`));
      return [`const ${v} = framed[at + ${c * frame.area + shift}];`, ...sums];
    }),
  ]);
}

/** The same with shifts[tap, lane]. */
function sumsByTable({ tile }: Tiling, weights: Weights): string[] {
  const lanes = 4 / tile.channels;
  const terms = Array.from({ length: 4 }, (_, k) => ({ k, o: Math.floor(k / lanes), lane: k % lanes }));
  const reads = Array.from({ length: lanes }, (_, lane) => `const v${lane} = framed[at + shifts[k * ${lanes} + ${lane}]];`);
  const tap = weights.turned ? `${weights.taps - 1} - k` : 'k';
  const sums = terms.map(({ k, o, lane }) => `c${k} += weights[w + ${o * weights.output} + ${tap}] * v${lane};`);
  return [`for (let k = 0; k < ${weights.taps}; k++) {`, ...reads, ...sums, '}'];
}

/** shifts[tap, lane] of a tile, one a cell. */
export function shiftTable({ correlation, frame, tile }: Tiling): Kernel {
  const [rows, columns] = tile.size;
  const { kernel: window, stride, dilation } = correlation;
  return kernel(
    'shiftTable',
    `function () {
  const tap = ${quotient('this.thread.x', rows * columns)};
  const lane = this.thread.x - tap * ${rows * columns};
  const i = ${quotient('tap', window[1])};
  const laneRow = ${quotient('lane', columns)};
  const down = i * ${dilation[0]} + laneRow * ${stride[0]};
  const right = (tap - i * ${window[1]}) * ${dilation[1]} + (lane - laneRow * ${columns}) * ${stride[1]};
${printShift(frame, ['down', 'right'])}
  return shift;
}`,
  );
}

/** `const shift` as shiftOf has it, for distances that the kernel knows by these names. */
export function printShift({ phases, rows, pitch }: Frame, [down, right]: readonly [string, string]): string {
  const phase = (axis: 0 | 1, distance: string, tiles: string): string =>
    quotient(`(${distance} - ${tiles} * ${phases[axis].step} - ${phases[axis].first})`, phases[axis].gap);
  return `  const y = ${quotient(down, phases[0].step)};
  const x = ${quotient(right, phases[1].step)};
  const phase = ${phase(0, down, 'y')} * ${phases[1].count} + ${phase(1, right, 'x')};
  const shift = (phase * ${rows} + y) * ${pitch} + x;`;
}
