/** The dropout mask on gpu.js: the hash of dropout.ts, each remainder taken with idiv so that it is exact. */
import { printKernel } from '../../devices/gpu/decode.ts';
import { type GpuProgram, kernel, single } from '../../devices/gpu/kernel.ts';
import { type Shape, sizeOf } from '../../shape.ts';
import { P, Q, ROUNDS, threshold } from './dropout.ts';

export function maskProgram(shape: Shape, probability: number): GpuProgram {
  const rounds = ROUNDS.flatMap(([c, d], r) => [
    `u = u * v + 3 * u + key[${r % 2}] + ${c};`,
    `u = u - idiv(u, ${P}) * ${P};`,
    `v = v * 1597 + u + key[${(r + 1) % 2}] + ${d};`,
    `v = v - idiv(v, ${Q}) * ${Q};`,
  ]);
  const body = [
    `let u = idiv(i, ${Q});`,
    `let v = i - u * ${Q};`,
    `u = u - idiv(u, ${P}) * ${P};`,
    ...rounds,
    ...compare(probability),
  ];
  return single(kernel('dropoutMask', printKernel(['key'], body)), { kept: 1 / (1 - probability) }, 1, sizeOf(shape));
}

function compare(probability: number): string[] {
  const { whole, rest } = threshold(probability);
  return [
    'let mask = this.constants.kept;',
    `if (u < ${whole}) { mask = 0.0; }`,
    `if (u == ${whole}) { if (v < ${rest}) { mask = 0.0; } }`,
    'return mask;',
  ];
}
