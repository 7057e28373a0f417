/**
 * matmul on gpu.js. Cell (n, m, batch) makes one output, or four neighbouring n where n divides by 4:
 *
 *     for k in this part:  c += a[batch, m, k] * b[batch, k, n]        n contiguous
 *
 * k above 4,096 is summed in parts, [parts, batch, m, n], which are then added.
 */
import { type GpuProgram, type Kernel, type KernelThis, kernel, MAX_ELEMENTS, MAX_REDUCTION } from '../../devices/gpu/kernel.ts';
import type { MatmulSizes } from './matmul.ts';

/** Cells along an axis where there are three: WebGPU starts no more workgroups along one. */
const MAX_CELLS = 65_535;

interface Form {
  readonly lanes: 1 | 4;
  /** The last part ends before its span does. */
  readonly ragged: boolean;
  /** More columns, rows or batches than an axis takes: cells run along x alone and are divided. */
  readonly flat: boolean;
}

const AXES = ['const x = this.thread.x;', 'const y = this.thread.y;', 'const z = this.thread.z;'];
const DIVIDED = [
  'const line = idiv(this.thread.x, this.constants.width);',
  'const x = this.thread.x - line * this.constants.width;',
  'const z = idiv(line, this.constants.m);',
  'const y = line - z * this.constants.m;',
];

function product({ lanes, ragged, flat }: Form): Kernel {
  const all = Array.from({ length: lanes }, (_, lane) => lane);
  const terms = [
    'const value = a[row + (first + k) * this.constants.ak];',
    'const at = column + (first + k) * this.constants.bk;',
    ...all.map((lane) => `c${lane} += value * b[at${lane === 0 ? '' : ` + ${lane} * this.constants.bn`}];`),
  ];
  const body = [
    ...(flat ? DIVIDED : AXES),
    'const part = idiv(z, this.constants.batch);',
    'const image = z - part * this.constants.batch;',
    'const first = part * this.constants.span;',
    'const row = image * this.constants.sizeA + y * this.constants.am;',
    `const column = image * this.constants.sizeB + x * ${lanes} * this.constants.bn;`,
    ...all.map((lane) => `let c${lane} = 0.0;`),
    'for (let k = 0; k < this.constants.span; k++) {',
    ...(ragged ? ['if (first + k < this.constants.k) {', ...terms, '}'] : terms),
    '}',
    lanes === 1 ? 'return c0;' : 'return [c0, c1, c2, c3];',
  ];
  return kernel('product', `function (a, b) {\n  ${body.join('\n  ')}\n}`, lanes);
}

const addParts = kernel('addParts', function (this: KernelThis, partial: Float32Array) {
  let total = 0.0;
  for (let part = 0; part < this.constants.parts!; part++) {
    total += partial[part * this.constants.size! + this.thread.x]!;
  }
  return total;
});

export function matmulProgram({ batch, m, n, k, a, b }: MatmulSizes): GpuProgram {
  const size = batch * m * n;
  const wanted = Math.ceil(k / MAX_REDUCTION);
  const parts = wanted * size <= MAX_ELEMENTS ? wanted : 1;
  const span = Math.ceil(k / parts);
  const lanes = n % 4 === 0 ? 4 : 1;
  const [width, images] = [n / lanes, batch * parts];
  const flat = Math.max(width, m, images) > MAX_CELLS;
  const multiply = {
    kernel: product({ lanes, ragged: span * parts > k, flat }),
    constants: { batch, k, span, sizeA: m * k, sizeB: k * n, am: a.m, ak: a.k, bk: b.k, bn: b.n, ...(flat && { width, m }) },
    inputs: [{ input: 0 }, { input: 1 }],
    cells: flat ? [width * m * images] : [width, m, images],
  };
  if (parts === 1) return { scratch: [], launches: [{ ...multiply, output: 'output' }] };
  return {
    scratch: [parts * size],
    launches: [
      { ...multiply, output: { scratch: 0 } },
      { kernel: addParts, constants: { parts, size }, inputs: [{ scratch: 0 }], output: 'output', cells: [size] },
    ],
  };
}
