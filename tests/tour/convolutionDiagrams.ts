/** The diagrams of docs/tour.md about convolution: a frame of the gpu.js kernels, the register tile of simd, Winograd's tiles. */
import { TILE_COLUMNS, TILE_ROWS } from '../../core/devices/simd/tile.ts';
import { geometryOf } from '../../core/ops/conv2d/geometry.ts';
import { forwardCorrelation, shiftOf } from '../../core/ops/conv2d/gpu/frame.ts';
import { type Tiling, tilingOf } from '../../core/ops/conv2d/gpu/tile.ts';
import { arrow, BACKWARD, cell, drawing, FORWARD, INK, LEAF, text } from './svg.ts';

/** The convolution whose kernel the page prints. */
function pageTiling(): Tiling {
  const options = { stride: [1, 1], padding: [1, 1], dilation: [1, 1], groups: 1 } as const;
  return tilingOf(forwardCorrelation(geometryOf([1, 16, 6, 6], [16, 16, 3, 3], options)));
}

/** What the page's program prints of its tiles. */
export function tilingLine(): string {
  const { tile, frame, reads } = pageTiling();
  return `tiles of ${tile.size.join(' x ')}, pitch ${frame.pitch}, ${frame.area} elements a channel, read at ${[...reads!.keys()]}`;
}

/** One channel with its padding, and where in the frame each element lies; the image blue; what one tile reads outlined. */
export function frameDiagram(): string {
  const [left, top, size] = [24, 52, 44];
  const { correlation, frame, tile, reads } = pageTiling();
  const [height, width] = correlation.source;
  const sides = [frame.rows * frame.phases[0].step, frame.pitch * frame.phases[1].step] as const;
  const [row, column] = [1, 1];
  const position = row * frame.pitch + column;
  const cells = Array.from({ length: sides[0] * sides[1] }, (_, k) => {
    const [y, x] = [Math.floor(k / sides[1]), k % sides[1]];
    const [h, w] = [y - correlation.padding[0], x - correlation.padding[1]];
    const inside = h >= 0 && h < height && w >= 0 && w < width;
    const at = shiftOf(frame, [y, x]);
    const [cellX, cellY] = [left + x * size, top + y * size];
    const outline = reads!.has(at - position)
      ? [`<g stroke-width="2.5">${cell(cellX + 3, cellY + 3, size - 6, size - 6, 'none', INK)}</g>`]
      : [];
    const label = text(cellX + size / 2, cellY + size / 2, String(at));
    return [cell(cellX, cellY, size, size, inside ? LEAF : 'none'), ...outline, label].join('\n');
  });
  const right = left + sides[1] * size + 36;
  const lines = [
    `tile (${row}, ${column}) of ${tile.size.join(' x ')} outputs`,
    `p = ${row} * ${frame.pitch} + ${column} = ${position}`,
    'reads p +',
    ...rowsOf([...reads!.keys()], 4).map((shifts) => `  ${shifts.join(', ')}`),
  ].map((line, k) => text(right, top + size / 2 + k * 30, line, 'start'));
  const title = text(
    left,
    26,
    `a channel of ${height} x ${width} with its padding: where each element lies in the frame`,
    'start',
  );
  return drawing(right + 230, top + sides[0] * size + 24, 'A frame and what one tile reads of it', [title, ...cells, ...lines]);
}

function rowsOf(values: readonly number[], length: number): number[][] {
  return Array.from({ length: Math.ceil(values.length / length) }, (_, k) => values.slice(k * length, (k + 1) * length));
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
