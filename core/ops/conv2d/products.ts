/**
 * The gpu.js kernels of conv2d that multiply. A cell makes four output channels, so that one read of an image serves four products;
 * the four weights, or values of dy, are the same for all cells along x.
 *
 * Sizes are printed into the source and places in arrays are walked to, so that gpu.js computes with whole numbers (walk.ts). Divisions,
 * whose results are float32, are printed only where groups or parts need them, and never inside of a loop.
 */
import { type Kernel, kernel } from '../../devices/gpu/kernel.ts';
import { type Walk, walk } from '../../devices/gpu/walk.ts';
import { type Correlation, type Frame, shiftsOf } from './frame.ts';

/** Kernels of more taps read the shifts from an array instead of having a line for each. */
export const MAX_PRINTED_TAPS = 64;

const LANES = [0, 1, 2, 3];
const SUMS = 'let c0 = 0.0; let c1 = 0.0; let c2 = 0.0; let c3 = 0.0;';

/**
 * product[image z, o / 4 y, position x, 4] = sum of packed[o / 4, c, tap, 4] framed[first + image, c, x + shift(tap)]
 *
 *     for c of the group:  for each tap:  v = framed[...];  c0..c3 += packed[..., 0..3] * v
 */
export function correlate(correlation: Correlation, frame: Frame, first: number): Kernel {
  const { channels, groups, outputs } = correlation;
  const shifts = shiftsOf(correlation, frame);
  const perGroup = channels / groups;
  const plane = `(this.thread.z + ${first}) * ${channels}`;
  const at = walk('at', `(${plane}${groups === 1 ? '' : ' + base'}) * ${frame.area} + this.thread.x`, groups === 1);
  const w = walk('w', `this.thread.y * ${4 * perGroup * shifts.length}`, true);
  const tap = (v: string, shift: string, lane: (lane: number) => string): string =>
    [`const ${v} = framed[at + ${shift}];`, ...LANES.map((k) => `c${k} += packed[w${lane(k)}] * ${v};`)].join('\n    ');
  const printed = shifts.length <= MAX_PRINTED_TAPS;
  const taps = printed
    ? [...shifts.map((shift, k) => tap(`v${k}`, `${shift}`, (lane) => ` + ${4 * k + lane}`)), w.move(4 * shifts.length)]
    : [`for (let k = 0; k < ${shifts.length}; k++) {`, tap('v', 'shifts[k]', (lane) => ` + ${lane}`), w.move(4), '}'];
  return kernel(
    'correlate',
    `function (packed, framed${printed ? '' : ', shifts'}) {
  ${groups === 1 ? '' : `const base = idiv(this.thread.y, ${Math.ceil(outputs / 4)}) * ${perGroup};`}
  ${at.begin}
  ${w.begin}
  ${SUMS}
  for (let c = 0; c < ${perGroup}; c++) {
    ${taps.join('\n    ')}
    ${at.move(frame.area)}
  }
  return [c0, c1, c2, c3];
}`,
    4,
  );
}

/** shifts[tap x] as an array. */
export function shiftTable(correlation: Correlation, frame: Frame): Kernel {
  return kernel('shiftTable', `function () {\n${printShift(correlation, frame, 'this.thread.x')}\n  return shift;\n}`);
}

/** `const shift` of the tap with that number: shiftsOf, for a kernel to compute. */
function printShift({ kernel, stride, dilation }: Correlation, { phases, rows, pitch }: Frame, tap: string): string {
  return `  const i = idiv(${tap}, ${kernel[1]});
  const down = i * ${dilation[0]};
  const right = (${tap} - i * ${kernel[1]}) * ${dilation[1]};
  const y = idiv(down, ${stride[0]});
  const x = idiv(right, ${stride[1]});
  const phase = (down - y * ${stride[0]}) * ${phases[1]} + right - x * ${stride[1]};
  const shift = (phase * ${rows} + y) * ${pitch} + x;`;
}

/** How the positions of a chunk of images are cut into parts: so many images each, or pieces of one. */
export interface Parts {
  readonly images: number;
  readonly perPart: number;
  /** Rows and columns of a piece, and how many pieces lie below and beside each other in an image. */
  readonly piece: readonly [number, number];
  readonly pieces: readonly [number, number];
}

/** The factors by which loops along a row are unrolled, where its length divides. */
const UNROLL = [4, 7, 3, 1];

/**
 * partial[part z, o / 4 y, k x, 4] = sum of dy[n, o, q] framed[n, c, q + shift(i, j)], k = (c, i, j), over images and positions of a part.
 * Channels missing in the last four repeat the last one and are ignored by `addParts`.
 *
 *     for image m of the part, row r, column q:  v = framed[...];  c0..c3 += dy[n, o0..o3, r, q] * v
 */
export function multiplyParts(correlation: Correlation, frame: Frame, parts: Parts, first: number): Kernel {
  const { channels, groups, kernel: window } = correlation;
  const taps = window[0] * window[1];
  const { images, perPart, piece } = parts;
  const whole = parts.pieces[0] * parts.pieces[1] === 1;
  const image = whole ? `(this.thread.z * ${perPart} + m)` : 'block';
  const body = row(correlation, frame, parts, { image, first, whole });
  return kernel(
    'multiplyParts',
    `function (dy, framed) {
  const c = idiv(this.thread.x, ${taps});
  const tap = this.thread.x - c * ${taps};
${printShift(correlation, frame, 'tap')}
  ${groups === 1 ? '' : `const g = idiv(this.thread.y, ${Math.ceil(correlation.outputs / 4)});`}
  ${whole ? '' : printPiece(parts)}
  const start = (${groups === 1 ? '' : `g * ${channels / groups} + `}c) * ${frame.area} + shift${whole ? '' : ` + top * ${frame.pitch} + left`};
  ${SUMS}
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
  return `const block = idiv(this.thread.z, ${pieces[0] * pieces[1]});
  const place = this.thread.z - block * ${pieces[0] * pieces[1]};
  const band = idiv(place, ${pieces[1]});
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
function row(correlation: Correlation, frame: Frame, { piece, pieces }: Parts, place: Place): string {
  const { channels, size } = correlation;
  const [raggedRows, raggedColumns] = [pieces[0] * piece[0] > size[0], pieces[1] * piece[1] > size[1]];
  const unroll = raggedColumns ? 1 : UNROLL.find((factor) => piece[1] % factor === 0)!;
  const image = frame.bare ? `(${place.image} + ${place.first})` : place.image;
  const at = walk('at', `start + (${image} * ${channels * frame.area} + r * ${frame.pitch})`, false);
  const d = walksOfDy(correlation, place);
  const columns = Array.from({ length: unroll }, (_, u) => u);
  const terms = columns.flatMap((u) => [
    `const v${u} = framed[at + ${u}];`,
    ...LANES.map((lane) => `c${lane} += dy[${d.at(lane)} + ${u}] * v${u};`),
  ]);
  const guarded = raggedColumns ? [`if (left + q < ${size[1]}) {`, ...terms, '}'] : terms;
  const lines = [
    at.begin,
    ...d.walks.map((each) => each.begin),
    `for (let q = 0; q < ${piece[1] / unroll}; q++) {`,
    ...guarded,
    at.move(unroll),
    ...d.walks.map((each) => each.move(unroll)),
    '}',
  ];
  return (raggedRows ? [`if (top + r < ${size[0]}) {`, ...lines, '}'] : lines).join('\n        ');
}

/** Where the four channels of dy are read: at distances from one place, or each at its own where the last four are not whole. */
function walksOfDy(
  { groups, outputs, size }: Correlation,
  { image, first, whole }: Place,
): { readonly walks: readonly Walk[]; readonly at: (lane: number) => string } {
  const area = size[0] * size[1];
  const quad = groups === 1 ? 'this.thread.y * 4' : `(this.thread.y - g * ${Math.ceil(outputs / 4)}) * 4`;
  const inside = whole ? `r * ${size[1]}` : `(top + r) * ${size[1]} + left`;
  const place = (o: string): string => {
    const channel = `(${image} + ${first}) * ${groups * outputs} + ${groups === 1 ? '' : `g * ${outputs} + `}${o}`;
    return `(${channel}) * ${area} + ${inside}`;
  };
  if (outputs % 4 === 0) return { walks: [walk('d', place(quad), whole && groups === 1)], at: (lane) => `d + ${lane * area}` };
  const walks = LANES.map((lane) => walk(`d${lane}`, place(`Math.min(${quad} + ${lane}, ${outputs - 1})`), false));
  return { walks, at: (lane) => `d${lane}` };
}
