/** The diagrams of docs/tour.md about convolution: a frame of the gpu.js kernels, the register tile of simd, Winograd's tiles. */
import { TILE_COLUMNS, TILE_ROWS } from '../../core/devices/simd/tile.ts';
import { type Correlation, type Frame, forwardCorrelation, frameOf, shiftsOf } from '../../core/ops/conv2d/frame.ts';
import { geometryOf } from '../../core/ops/conv2d/geometry.ts';
import { arrow, BACKWARD, cell, drawing, FORWARD, INK, LEAF, text } from './svg.ts';

/** The convolution whose kernel the page prints. */
function pageCorrelation(): { correlation: Correlation; frame: Frame } {
  const options = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 } as const;
  const correlation = forwardCorrelation(geometryOf([1, 2, 4, 4], [4, 2, 2, 2], options));
  return { correlation, frame: frameOf(correlation) };
}

/** What the page's program prints of that frame. */
export function frameLine(): string {
  const { correlation, frame } = pageCorrelation();
  return `pitch ${frame.pitch}, ${frame.area} elements a channel, shifts of the taps ${shiftsOf(correlation, frame)}`;
}

/** One channel of the frame with the place of each element; the image blue; the taps of one position outlined. */
export function frameDiagram(): string {
  const [left, top, size] = [24, 52, 44];
  const { correlation, frame } = pageCorrelation();
  const [height, width] = correlation.source;
  const [y, x] = [1, 2];
  const position = y * frame.pitch + x;
  const placeOf = (at: number): [number, number] => [left + (at % frame.pitch) * size, top + Math.floor(at / frame.pitch) * size];
  const cells = Array.from({ length: frame.area }, (_, at) => {
    const [row, column] = [Math.floor(at / frame.pitch) - correlation.padding[0], (at % frame.pitch) - correlation.padding[1]];
    const inside = row >= 0 && row < height && column >= 0 && column < width;
    const [cellX, cellY] = placeOf(at);
    return [cell(cellX, cellY, size, size, inside ? LEAF : 'none'), text(cellX + size / 2, cellY + size / 2, String(at))].join(
      '\n',
    );
  });
  const shifts = shiftsOf(correlation, frame);
  const taps = shifts.map((shift) => {
    const [cellX, cellY] = placeOf(position + shift);
    return `<g stroke-width="2.5">${cell(cellX + 3, cellY + 3, size - 6, size - 6, 'none', INK)}</g>`;
  });
  const right = left + frame.pitch * size + 36;
  const lines = [
    `position (y, x) = (${y}, ${x})`,
    `p = ${y} * ${frame.pitch} + ${x} = ${position}`,
    ...shifts.map((shift, tap) => {
      const [i, j] = [Math.floor(tap / correlation.kernel[1]), tap % correlation.kernel[1]];
      return `tap (${i}, ${j}) at p + ${shift} = ${position + shift}`;
    }),
  ].map((line, k) => text(right, top + size / 2 + k * 30, line, 'start'));
  const title = text(left, 26, `a channel of ${height} x ${width} in its frame, pitch ${frame.pitch}`, 'start');
  return drawing(right + 200, top + frame.rows * size + 24, 'A frame and the taps of a position', [
    title,
    ...cells,
    ...taps,
    ...lines,
  ]);
}

/** Sums as a grid of vectors of four, the vectors of a step of k above them, its numbers at their left. */
export function registersDiagram(): string {
  const [left, top, size, gap] = [130, 84, 28, 10];
  const place = (column: number): number => left + column * size + Math.floor(column / 4) * gap;
  const vectors = Array.from({ length: TILE_COLUMNS / 4 }, (_, j) => j);
  const vector = (j: number, y: number, fill: string): string[] => [
    ...[0, 1, 2, 3].map((lane) => cell(place(4 * j + lane), y, size, size, fill)),
    cell(place(4 * j), y, 4 * size, size, 'none', INK),
  ];
  const rows = Array.from({ length: TILE_ROWS }, (_, i) => top + i * (size + gap));
  const width = place(TILE_COLUMNS - 1) + size + 24;
  return drawing(width, rows.at(-1)! + size + 44, 'The register tile of simd', [
    ...vectors.flatMap((j) => [...vector(j, 34, LEAF), text(place(4 * j) + 2 * size, 18, `b[${j}]`)]),
    ...rows.flatMap((y, i) => [
      text(56, y + size / 2, `a, row ${i}`),
      cell(96, y, size - 8, size, BACKWARD, INK),
      ...vectors.flatMap((j) => vector(j, y, FORWARD)),
    ]),
    text(left, rows.at(-1)! + size + 24, `yellow: ${TILE_ROWS} x ${TILE_COLUMNS} sums; a step of k adds a b to each`, 'start'),
  ]);
}

/** Two neighbouring tiles of 6 x 6 inputs, four columns apart, and the 4 x 4 outputs that each makes. */
export function tilesDiagram(): string {
  const size = 22;
  const grid = (x: number, y: number, rows: number, columns: number): string[] =>
    Array.from({ length: rows * columns }, (_, k) =>
      cell(x + (k % columns) * size, y + Math.floor(k / columns) * size, size, size, 'none'),
    );
  const tile = (x: number, y: number, side: number, fill: string): string =>
    `<g fill-opacity="0.55">${cell(x, y, side * size, side * size, fill)}</g>`;
  const outline = (x: number, y: number, side: number): string =>
    `<g stroke-width="2">${cell(x, y, side * size, side * size, 'none', INK)}</g>`;
  const [left, top, right] = [24, 48, 24 + 10 * size + 130];
  const below = top + 6 * size + 20;
  const tiles = [
    [left, top, 6, LEAF],
    [left + 4 * size, top, 6, BACKWARD],
    [right, top + size, 4, LEAF],
    [right + 4 * size, top + size, 4, BACKWARD],
  ] as const;
  return drawing(right + 8 * size + 24, below + 14, "Winograd's tiles of F(4x4, 3x3)", [
    text(left + 5 * size, 24, 'input, two tiles of 6 x 6'),
    text(right + 4 * size, 24, 'output, two tiles of 4 x 4'),
    ...tiles.map(([x, y, side, fill]) => tile(x, y, side, fill)),
    ...grid(left, top, 6, 10),
    ...grid(right, top + size, 4, 8),
    ...tiles.map(([x, y, side]) => outline(x, y, side)),
    arrow(left + 10 * size + 14, top + 3 * size, right - 14, top + 3 * size),
    text(left + 10 * size + 65, top + 3 * size - 32, '36 products'),
    text(left + 10 * size + 65, top + 3 * size - 16, 'each'),
    text(left, below - 4, 'the two columns in the middle belong to both', 'start'),
  ]);
}
