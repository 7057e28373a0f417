/** The kernels of the forward pass: moments, chunk by chunk and combined, and the normalisation. */
import {
  broadcast,
  type F32x4,
  type F32x4Var,
  type I32Var,
  load,
  local,
  min,
  range,
  splat,
  store,
  threadScratch,
  times,
} from '../../../devices/simd/emit/index.ts';
import type { SimdKernel } from '../../../devices/simd/kernel.ts';
import type { Expression } from '../../pointwise/expression.ts';
import { vectorOf } from '../../pointwise/vector.ts';
import { chunkOf, forChannelBlocks, forEachVector, inverseDeviation, paddedBytes, storeRows } from './chunks.ts';

/** mean and sum (x - mean)^2 of each chunk: two passes while it lies in the cache. */
export const momentsOfChunk: SimdKernel = {
  name: 'momentsOfChunk',
  parameters: 6,
  emit: (task, perChunk, pixels, channels, x, partial) => {
    const { offset, count } = chunkOf(task, perChunk!, pixels!, channels!);
    const row = local(channels!.shl(2));
    const padded = paddedBytes(channels!);
    const inverse = local(broadcast(local(count.toF32())));
    const to = local(partial!.add(task.mul(padded).shl(1)));
    forChannelBlocks(channels!, (at, vectors) => {
      const start = local(x!.add(offset).add(at));
      const means = sumPixels(start, row, count, vectors, (value) => value).map((sum) => local(sum.div(inverse)));
      const squares = sumPixels(start, row, count, vectors, (value, k) => {
        const centred = local(value.sub(means[k]!));
        return centred.mul(centred);
      });
      means.forEach((mean, k) => store(to.add(at), mean, 16 * k));
      squares.forEach((square, k) => store(to.add(padded).add(at), square, 16 * k));
    });
  },
};

function sumPixels(
  start: I32Var,
  row: I32Var,
  count: I32Var,
  vectors: number,
  term: (value: F32x4Var, k: number) => F32x4,
): F32x4Var[] {
  const sums = times(vectors, () => local(splat(0)));
  const from = local(start);
  range(0, count, 1, () => {
    sums.forEach((sum, k) => sum.set(sum.add(term(load(from, 16 * k), k))));
    from.increase(row);
  });
  return sums;
}

/**
 * Chan, Golub and LeVeque's formula for the moments of two parts (The American Statistician 37, 1983), chunk after chunk. A task is a
 * vector of four channels.
 */
export const combineMoments: SimdKernel = {
  name: 'combineMoments',
  parameters: 7,
  emit: (task, chunks, perChunk, pixels, channels, partial, output) => {
    const padded = paddedBytes(channels!);
    const at = local(task.shl(4));
    const mean = local(splat(0));
    const squares = local(splat(0));
    range(0, chunks!, 1, (chunk) => {
      const before = local(chunk.mul(perChunk!));
      const count = min(pixels!.sub(before), perChunk!);
      const from = local(partial!.add(chunk.mul(padded).shl(1)).add(at));
      const delta = local(load(from).sub(mean));
      const share = local(broadcast(local(count.toF32().div(before.add(count).toF32()))));
      const weight = local(broadcast(local(before.toF32())));
      mean.set(mean.add(delta.mul(share)));
      squares.set(squares.add(load(from.add(padded))).add(delta.mul(delta).mul(weight).mul(share)));
    });
    const variance = local(squares.div(broadcast(local(pixels!.toF32()))));
    storeRows(output!, channels!, at, [mean, variance]);
  },
};

/** A formula over the normalised value, input 0, and so many further arrays. */
interface Then {
  readonly formula: Expression;
  readonly others: number;
}

const NOTHING: Then = { formula: { input: 0 }, others: 0 };

/** y = formula(gamma r (x - mean) + beta, others ...), the factor gamma r computed once a chunk. */
export function normaliseChunk(epsilon: number, { formula, others }: Then = NOTHING): SimdKernel {
  return {
    name: `normaliseChunk ${epsilon} ${JSON.stringify(formula)}`,
    parameters: 9 + others,
    emit: (task, perChunk, pixels, channels, x, moments, gamma, beta, y, ...rest) => {
      const factors = local(threadScratch);
      range(0, paddedBytes(channels!), 16, (at) => {
        store(factors.add(at), load(gamma!.add(at)).mul(inverseDeviation(moments!, channels!, at, epsilon)));
      });
      forEachVector({ task, perChunk: perChunk!, pixels: pixels!, channels: channels! }, y!, (at, offset) => {
        const centred = load(x!.add(offset)).sub(load(moments!.add(at)));
        const normal = local(centred.mul(load(factors.add(at))).add(load(beta!.add(at))));
        return vectorOf(formula, [normal, ...rest.map((other) => load(other.add(offset)))]);
      });
    },
  };
}
