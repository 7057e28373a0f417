/**
 * matmul as a correlation with one tap: the rows of a are its pixels, k its channels, the columns of b its output channels, and each
 * product of the batch a group. A transposed a is rearranged first, since the tile wants neighbouring k.
 */
import { copyLaunch } from '../../devices/simd/copy.ts';
import { correlateLaunch } from '../../devices/simd/correlate.ts';
import type { SimdOperand, SimdProgram } from '../../devices/simd/kernel.ts';
import { packedSize, packLaunch, type WeightView } from '../../devices/simd/pack.ts';
import type { MatmulSizes } from './matmul.ts';

export function matmulProgram({ batch, m, n, k, a, b }: MatmulSizes): SimdProgram {
  const view: WeightView = {
    groups: batch,
    outputs: n,
    inputs: k,
    kernel: [1, 1],
    offset: 0,
    strides: { group: k * n, output: b.n, input: b.k, i: 0, j: 0 },
  };
  const transposed = a.k !== 1 && k > 1;
  const rows: SimdOperand = transposed ? { scratch: 1 } : { input: 0 };
  const rearrange = copyLaunch(
    [batch, m, k],
    { array: rows, offset: 0, strides: [m * k, k, 1] },
    { array: { input: 0 }, offset: 0, strides: [m * k, a.m, a.k] },
  );
  return {
    scratch: [packedSize(view), transposed ? batch * m * k : 1],
    threadScratch: 0,
    launches: [
      packLaunch(view, { input: 1 }, { scratch: 0 }),
      ...(transposed ? [rearrange] : []),
      correlateLaunch({
        images: 1,
        size: [1, m],
        groups: batch,
        outputs: n,
        input: { array: rows, offset: 0, image: 0, row: 0, pixel: k, group: m * k },
        output: { array: 'output', offset: 0, image: 0, row: 0, pixel: n, group: m * n },
        weights: { scratch: 0 },
        taps: { rows: 1, runs: 1, length: k, rowStride: 0, runStride: 0 },
      }),
    ],
  };
}
