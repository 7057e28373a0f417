/**
 * matmul on gpu.js. A cell makes four neighbouring rows of one column, so that one read of b, which neighbouring cells make from
 * neighbouring elements, serves four products; the four of a are the same for all cells along x:
 *
 *     partial[part, batch, m / 4 y, n x, 4] = sum over k in the part of a[batch, m, k] b[batch, k, n]        n contiguous
 *     y[batch, m, n] = sum over parts
 *
 * k above 4,096 is summed in parts. A transposed b is laid out anew first where many rows read it. The cells load five numbers for four
 * multiply-adds; core/ops/conv2d/gpu.ts says why not fewer.
 */
import { type GpuProgram, type Kernel, kernel, type Launch, MAX_ELEMENTS, MAX_REDUCTION } from '../../devices/gpu/kernel.ts';
import { type Walk, walk } from '../../devices/gpu/walk.ts';
import type { MatmulSizes } from './matmul.ts';

/** Cells along an axis where there are three: WebGPU starts no more workgroups along one. */
const MAX_CELLS = 65_535;
/** From so many rows on, b is transposed before it is multiplied. */
const MANY_ROWS = 16;

const LANES = [0, 1, 2, 3];

interface Parts {
  readonly count: number;
  readonly span: number;
}

/** How `x`, `y`, `z` are found; where an axis has too many cells they run along x alone and are divided. */
interface Axes {
  readonly cells: readonly number[];
  readonly statements: string;
  readonly names: readonly [x: string, y: string, z: string];
  /** Whether the names are whole numbers to gpu.js. */
  readonly whole: boolean;
}

function axesOf(cells: readonly [number, number, number]): Axes {
  const names = ['this.thread.x', 'this.thread.y', 'this.thread.z'] as const;
  if (Math.max(...cells) <= MAX_CELLS) return { cells, statements: '', names, whole: true };
  const statements = `const line = idiv(this.thread.x, ${cells[0]});
  const x = this.thread.x - line * ${cells[0]};
  const z = idiv(line, ${cells[1]});
  const y = line - z * ${cells[1]};`;
  return { cells: [cells[0] * cells[1] * cells[2]], statements, names: ['x', 'y', 'z'], whole: false };
}

/** Where the four rows of a begin: at distances from one place, or each at its own where the last four are not whole. */
function walksOfA(
  { m, k, a }: MatmulSizes,
  y: string,
  [image, first, whole]: readonly [string, string, boolean],
): { readonly walks: readonly Walk[]; readonly at: (lane: number) => string } {
  const start = (row: string): string => `${image} * ${m * k} + ${row} * ${a.m} + ${first} * ${a.k}`;
  if (m % 4 === 0) return { walks: [walk('p', start(`${y} * 4`), whole)], at: (lane) => `p + ${lane * a.m}` };
  const rows = LANES.map((lane) => `Math.min(${y} * 4 + ${lane}, ${m - 1})`);
  return { walks: rows.map((row, lane) => walk(`p${lane}`, start(row), false)), at: (lane) => `p${lane}` };
}

function product(sizes: MatmulSizes, { count, span }: Parts, axes: Axes): Kernel {
  const { batch, n, k, a, b } = sizes;
  const [x, y, z] = axes.names;
  const divided = batch > 1 && count > 1;
  const whole = axes.whole && !divided;
  const [image, part] = divided ? ['image', 'part'] : batch > 1 ? [z, '0'] : ['0', z];
  const first = `${part} * ${span}`;
  const rows = walksOfA(sizes, y, [image, first, whole]);
  const column = walk('q', `${image} * ${k * n} + ${first} * ${b.k} + ${x} * ${b.n}`, whole);
  const terms = ['const value = b[q];', ...LANES.map((lane) => `c${lane} += a[${rows.at(lane)}] * value;`)];
  const ragged = span * count > k;
  const lines = [
    axes.statements,
    divided ? `const part = idiv(${z}, ${batch}); const image = ${z} - part * ${batch};` : '',
    ...[column, ...rows.walks].map(({ begin }) => begin),
    'let c0 = 0.0; let c1 = 0.0; let c2 = 0.0; let c3 = 0.0;',
    `for (let k = 0; k < ${span}; k++) {`,
    ...(ragged ? [`if (${first} + k < ${k}) {`, ...terms, '}'] : terms),
    column.move(b.k),
    ...rows.walks.map(({ move }) => move(a.k)),
    '}',
    'return [c0, c1, c2, c3];',
  ];
  return kernel('product', `function (a, b) {\n  ${lines.join('\n  ')}\n}`, 4);
}

/** y[image z, row y, column x] = sum over parts of partial[part, image, row / 4, column, 4] */
function addParts({ batch, n }: MatmulSizes, quads: number, { count }: Parts, axes: Axes): Kernel {
  const [x, y, z] = axes.names;
  return kernel(
    'addParts',
    `function (partial) {
  ${axes.statements}
  const quad = idiv(${y}, 4);
  const start = ((${z} * ${quads} + quad) * ${n} + ${x}) * 4 + ${y} - quad * 4;
  let total = 0.0;
  for (let part = 0; part < ${count}; part++) {
    total += partial[start + part * ${batch * quads * n * 4}];
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
  const quads = Math.ceil(m / 4);
  const parts = partsOf(k, batch * quads * 4 * n);
  const turned = b.n !== 1 && m > MANY_ROWS;
  const given = turned ? { ...sizes, b: { k: n, n: 1 } } : sizes;
  const [products, results, rows] = [axesOf([n, quads, batch * parts.count]), axesOf([n, m, batch]), axesOf([n, k, batch])];
  const launches: Launch[] = [
    {
      kernel: product(given, parts, products),
      constants: {},
      inputs: [{ input: 0 }, turned ? { scratch: 1 } : { input: 1 }],
      output: { scratch: 0 },
      cells: products.cells,
    },
    {
      kernel: addParts(sizes, quads, parts, results),
      constants: {},
      inputs: [{ scratch: 0 }],
      output: 'output',
      cells: results.cells,
    },
  ];
  const scratch = [4 * quads * n * batch * parts.count];
  if (!turned) return { scratch, launches };
  const inputs = [{ input: 1 }];
  const first: Launch = { kernel: transpose(sizes, rows), constants: {}, inputs, output: { scratch: 1 }, cells: rows.cells };
  return { scratch: [...scratch, batch * k * n], launches: [first, ...launches] };
}
