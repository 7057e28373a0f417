/**
 * matmul on gpu.js. A cell makes a tile of two rows and two columns, or four where there are no two, so that every number that it reads
 * serves two products. The columns of a tile lie `apart`, so that cells along x read neighbouring elements of b; those of a are the same
 * for all of them:
 *
 *     partial[part, batch, m / rows y, column x, 4] = sum over k in the part of a[batch, m, k] b[batch, k, n]        n contiguous
 *     y[batch, m, n] = sum over parts
 *
 * k above 4,096 is summed in parts. A transposed b is laid out anew first where many rows read it. core/ops/conv2d/gpu.ts says what
 * bounds such kernels.
 */
import { type GpuProgram, type Kernel, kernel, type Launch, MAX_ELEMENTS, MAX_REDUCTION } from '../../devices/gpu/kernel.ts';
import { quotient, unrolling, type Walk, walk } from '../../devices/gpu/walk.ts';
import type { MatmulSizes } from './matmul.ts';

/** Cells along an axis where there are three: WebGPU starts no more workgroups along one. */
const MAX_CELLS = 65_535;
/** From so many rows on, b is transposed before it is multiplied. */
const MANY_ROWS = 16;

/** Terms of a sum in the body of the loop over them, at most. */
const MOST_UNROLLED = 8;

/** Rows and columns that a cell makes, and how far apart its columns are. */
interface Tile {
  readonly rows: number;
  readonly columns: number;
  readonly apart: number;
}

/** The tile whose cells read least in all. */
function tileOf({ m, n }: MatmulSizes): Tile {
  const tiles = [2, 4, 1].map((rows) => ({ rows, columns: 4 / rows, apart: Math.ceil((n * rows) / 4) }));
  const reads = ({ rows, columns, apart }: Tile): number => (rows + columns) * apart * Math.ceil(m / rows);
  return tiles.reduce((best, each) => (reads(each) < reads(best) ? each : best));
}

interface Parts {
  readonly count: number;
  readonly span: number;
}

/** How `x`, `y`, `z` are found; where an axis has too many cells they run along x alone and are divided. */
interface Axes {
  readonly cells: readonly number[];
  readonly statements: string;
  readonly names: readonly [x: string, y: string, z: string];
}

function axesOf(cells: readonly [number, number, number]): Axes {
  const names = ['this.thread.x', 'this.thread.y', 'this.thread.z'] as const;
  if (Math.max(...cells) <= MAX_CELLS) return { cells, statements: '', names };
  const statements = `const line = ${quotient('this.thread.x', cells[0])};
  const x = this.thread.x - line * ${cells[0]};
  const z = ${quotient('line', cells[1])};
  const y = line - z * ${cells[1]};`;
  return { cells: [cells[0] * cells[1] * cells[2]], statements, names: ['x', 'y', 'z'] };
}

/** The rows or columns of a tile in their operand: how many, how far apart; how many there are, and how far it is from one to the next. */
interface Side {
  readonly count: number;
  readonly apart: number;
  readonly length: number;
  readonly stride: number;
}

/** Where a tile's rows or columns begin: at distances from one place, or each at its own where some lie behind the end. */
function walksOf(
  { count, apart, length, stride }: Side,
  [name, start, first]: readonly [string, string, string],
): { readonly walks: readonly Walk[]; readonly at: (lane: number) => string } {
  if (length % count === 0)
    return { walks: [walk(name, `${start} + ${first} * ${stride}`)], at: (lane) => `${name} + ${lane * apart * stride}` };
  const last = (lane: number): string => `Math.min(${first} + ${lane * apart}, ${length - 1})`;
  const walks = Array.from({ length: count }, (_, lane) => walk(`${name}${lane}`, `${start} + ${last(lane)} * ${stride}`));
  return { walks, at: (lane) => `${name}${lane}` };
}

function product(sizes: MatmulSizes, tile: Tile, { count, span }: Parts, axes: Axes): Kernel {
  const { batch, m, n, k, a, b } = sizes;
  const [x, y, z] = axes.names;
  const divided = batch > 1 && count > 1;
  const [image, part] = divided ? ['image', 'part'] : batch > 1 ? [z, '0'] : ['0', z];
  const first = `${part} * ${span}`;
  const sideOfA = { count: tile.rows, apart: 1, length: m, stride: a.m };
  const sideOfB = { count: tile.columns, apart: tile.apart, length: n, stride: b.n };
  const rows = walksOf(sideOfA, ['p', `${image} * ${m * k} + ${first} * ${a.k}`, `${y} * ${tile.rows}`]);
  const columns = walksOf(sideOfB, ['q', `${image} * ${k * n} + ${first} * ${b.k}`, x]);
  const term = (u: number): string[] => [
    ...Array.from({ length: tile.rows }, (_, row) => `const a${row}_${u} = a[${rows.at(row)} + ${u * a.k}];`),
    ...Array.from({ length: tile.columns }, (_, column) => `const b${column}_${u} = b[${columns.at(column)} + ${u * b.k}];`),
    ...[0, 1, 2, 3].map((lane) => `c${lane} += a${Math.floor(lane / tile.columns)}_${u} * b${lane % tile.columns}_${u};`),
  ];
  const ragged = span * count > k;
  const unrolled = ragged ? 1 : unrolling(span, MOST_UNROLLED);
  const terms = Array.from({ length: unrolled }, (_, u) => term(u)).flat();
  const lines = [
    axes.statements,
    divided ? `const part = ${quotient(z, batch)}; const image = ${z} - part * ${batch};` : '',
    ...[...columns.walks, ...rows.walks].map(({ begin }) => begin),
    'let c0 = 0.0; let c1 = 0.0; let c2 = 0.0; let c3 = 0.0;',
    `for (let k = 0; k < ${span / unrolled}; k++) {`,
    ...(ragged ? [`if (${first} + k < ${k}) {`, ...terms, '}'] : terms),
    ...columns.walks.map(({ move }) => move(unrolled * b.k)),
    ...rows.walks.map(({ move }) => move(unrolled * a.k)),
    '}',
    'return [c0, c1, c2, c3];',
  ];
  return kernel('product', `function (a, b) {\n  ${lines.join('\n  ')}\n}`, 4);
}

/** y[image z, row y, column x] = sum over parts of partial[part, image, row / rows, column % apart, 4] */
function addParts({ batch, m }: MatmulSizes, { rows, columns, apart }: Tile, { count }: Parts, axes: Axes): Kernel {
  const [x, y, z] = axes.names;
  const tiles = Math.ceil(m / rows) * apart;
  return kernel(
    'addParts',
    `function (partial) {
  ${axes.statements}
  const tile = ${quotient(y, rows)};
  const column = ${quotient(x, apart)};
  const lane = (${y} - tile * ${rows}) * ${columns} + column;
  const start = (${z} * ${tiles} + tile * ${apart} + ${x} - column * ${apart}) * 4 + lane;
  let total = 0.0;
  for (let part = 0; part < ${count}; part++) {
    total += partial[start + part * ${batch * tiles * 4}];
  }
  return total;
}`,
  );
}

/** rows[image z, k y, n x] = b[image, n, k] */
function transpose({ n, k }: MatmulSizes, axes: Axes): Kernel {
  const [x, y, z] = axes.names;
  return kernel('transpose', `function (b) {\n  ${axes.statements}\n  return b[(${z} * ${n} + ${x}) * ${k} + ${y}];\n}`);
}

/** As many parts as sums of 4,096 take, where their results can be indexed. */
function partsOf(k: number, size: number): Parts {
  const wanted = Math.ceil(k / MAX_REDUCTION);
  const count = wanted * size <= MAX_ELEMENTS ? wanted : 1;
  return { count, span: Math.ceil(k / count) };
}

export function matmulProgram(sizes: MatmulSizes): GpuProgram {
  const { batch, m, n, k, b } = sizes;
  const tile = tileOf(sizes);
  const quads = Math.ceil(m / tile.rows);
  const parts = partsOf(k, batch * quads * tile.apart * 4);
  const turned = b.n !== 1 && m > MANY_ROWS;
  const given = turned ? { ...sizes, b: { k: n, n: 1 } } : sizes;
  const products = axesOf([tile.apart, quads, batch * parts.count]);
  const [results, rows] = [axesOf([n, m, batch]), axesOf([n, k, batch])];
  const launches: Launch[] = [
    {
      kernel: product(given, tile, parts, products),
      constants: {},
      inputs: [{ input: 0 }, turned ? { scratch: 1 } : { input: 1 }],
      output: { scratch: 0 },
      cells: products.cells,
    },
    {
      kernel: addParts(sizes, tile, parts, results),
      constants: {},
      inputs: [{ scratch: 0 }],
      output: 'output',
      cells: results.cells,
    },
  ];
  const scratch = [4 * quads * tile.apart * batch * parts.count];
  if (!turned) return { scratch, launches };
  const inputs = [{ input: 1 }];
  const first: Launch = { kernel: transpose(sizes, rows), constants: {}, inputs, output: { scratch: 1 }, cells: rows.cells };
  return { scratch: [...scratch, batch * k * n], launches: [first, ...launches] };
}
