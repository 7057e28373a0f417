/**
 * matmul on gpu.js. Cell (n, m, batch) makes one output, or four neighbouring n where n divides by 4:
 *
 *     for k in this part:  c += a[batch, m, k] * b[batch, k, n]        n contiguous
 *
 * k above 4,096 is summed in parts, [parts, batch, m, n], which are then added.
 */
import { type GpuProgram, type KernelThis, kernel, MAX_REDUCTION } from '../../devices/gpu/kernel.ts';
import type { MatmulSizes } from './matmul.ts';

const product = kernel('product', function (this: KernelThis, a: Float32Array, b: Float32Array) {
  const part = idiv(this.thread.z, this.constants.batch!);
  const image = this.thread.z - part * this.constants.batch!;
  const first = part * this.constants.span!;
  const row = image * this.constants.sizeA! + this.thread.y * this.constants.am!;
  const column = image * this.constants.sizeB! + this.thread.x * this.constants.bn!;
  let total = 0.0;
  for (let k = 0; k < this.constants.span!; k++) {
    if (first + k < this.constants.k!) {
      total += a[row + (first + k) * this.constants.ak!]! * b[column + (first + k) * this.constants.bk!]!;
    }
  }
  return total;
});

const productOfFour = kernel(
  'productOfFour',
  function (this: KernelThis, a: Float32Array, b: Float32Array) {
    const part = idiv(this.thread.z, this.constants.batch!);
    const image = this.thread.z - part * this.constants.batch!;
    const first = part * this.constants.span!;
    const row = image * this.constants.sizeA! + this.thread.y * this.constants.am!;
    const column = image * this.constants.sizeB! + this.thread.x * 4 * this.constants.bn!;
    let c0 = 0.0;
    let c1 = 0.0;
    let c2 = 0.0;
    let c3 = 0.0;
    for (let k = 0; k < this.constants.span!; k++) {
      if (first + k < this.constants.k!) {
        const value = a[row + (first + k) * this.constants.ak!]!;
        const at = column + (first + k) * this.constants.bk!;
        c0 += value * b[at]!;
        c1 += value * b[at + this.constants.bn!]!;
        c2 += value * b[at + 2 * this.constants.bn!]!;
        c3 += value * b[at + 3 * this.constants.bn!]!;
      }
    }
    return [c0, c1, c2, c3];
  },
  4,
);

const addParts = kernel('addParts', function (this: KernelThis, partial: Float32Array) {
  let total = 0.0;
  for (let part = 0; part < this.constants.parts!; part++) {
    total += partial[part * this.constants.size! + this.thread.x]!;
  }
  return total;
});

export function matmulProgram({ batch, m, n, k, a, b }: MatmulSizes): GpuProgram {
  const parts = Math.ceil(k / MAX_REDUCTION);
  const lanes = n % 4 === 0 ? 4 : 1;
  const constants = { batch, k, span: Math.ceil(k / parts), sizeA: m * k, sizeB: k * n, am: a.m, ak: a.k, bk: b.k, bn: b.n };
  const multiply = {
    kernel: lanes === 4 ? productOfFour : product,
    constants,
    inputs: [{ input: 0 }, { input: 1 }],
    cells: [n / lanes, m, batch * parts],
  };
  if (parts === 1) return { scratch: [], launches: [{ ...multiply, output: 'output' }] };
  const size = batch * m * n;
  return {
    scratch: [parts * size],
    launches: [
      { ...multiply, output: { scratch: 0 } },
      { kernel: addParts, constants: { parts, size }, inputs: [{ scratch: 0 }], output: 'output', cells: [size] },
    ],
  };
}
