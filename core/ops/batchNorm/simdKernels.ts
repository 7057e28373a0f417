/** The kernels behind simd.ts: x and dy are [pixels, c], a task is a chunk of pixels, partial results are rows of padded vectors. */
import {
  broadcast,
  type F32x4,
  type F32x4Var,
  type I32,
  type I32Var,
  load,
  local,
  min,
  range,
  splat,
  store,
  threadScratch,
  times,
} from '../../devices/simd/emit/index.ts';
import type { SimdKernel } from '../../devices/simd/kernel.ts';
import { storeUpTo } from '../../devices/simd/rows.ts';
import type { Expression } from '../pointwise/expression.ts';
import { vectorOf } from '../pointwise/vector.ts';

/** Bytes of a padded vector of c floats. */
const paddedBytes = (channels: I32Var): I32Var => local(channels.add(3).and(~3).shl(2));

/** The pixels of a chunk: where the first begins, in bytes, and how many there are. */
function chunkOf(task: I32Var, perChunk: I32Var, pixels: I32Var, channels: I32Var): { offset: I32Var; count: I32Var } {
  const first = local(task.mul(perChunk));
  return { offset: local(first.mul(channels).shl(2)), count: min(pixels.sub(first), perChunk) };
}

/** Calls `write` for blocks of channels, 16 at a time, then 4; `at` is the byte offset of a block, `vectors` its width. */
function forChannelBlocks(channels: I32Var, write: (at: I32Var, vectors: number) => void): void {
  const bytes = paddedBytes(channels);
  const wide = local(bytes.and(~63));
  range(0, wide, 64, (at) => write(at, 4));
  range(wide, bytes, 16, (at) => write(at, 1));
}

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

/** Chan, Golub and LeVeque's formula for the moments of two parts (The American Statistician 37, 1983), chunk after chunk. */
export const combineMoments: SimdKernel = {
  name: 'combineMoments',
  parameters: 7,
  emit: (task, chunks, perChunk, pixels, channels, partial, output) => {
    const padded = paddedBytes(channels!);
    range(task, padded, 16, (at) => {
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
      const left = local(channels!.sub(at.shr(2)));
      storeUpTo(output!.add(at), mean, left);
      const variance = local(squares.div(broadcast(local(pixels!.toF32()))));
      storeUpTo(output!.add(channels!.shl(2)).add(at), variance, left);
    });
  },
};

const inverseDeviation = (moments: I32, channels: I32Var, at: I32Var, epsilon: number): F32x4Var =>
  local(splat(1).div(local(load(moments.add(channels.shl(2)).add(at)).add(epsilon)).sqrt()));

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

interface Chunk {
  readonly task: I32Var;
  readonly perChunk: I32Var;
  readonly pixels: I32Var;
  readonly channels: I32Var;
}

/** Stores `value` for every vector of the chunk; `at` is the byte offset of its channels, `offset` that of the element. */
function forEachVector(
  { task, perChunk, pixels, channels }: Chunk,
  output: I32Var,
  value: (at: I32Var, offset: I32Var) => F32x4,
): void {
  const { offset, count } = chunkOf(task, perChunk, pixels, channels);
  const row = local(channels.shl(2));
  const whole = local(row.and(~15));
  range(0, count, 1, () => {
    range(0, whole, 16, (at) => {
      const element = local(offset.add(at));
      store(output.add(element), value(at, element));
    });
    range(whole, row, 16, (at) => {
      const element = local(offset.add(at));
      storeUpTo(output.add(element), local(value(at, element)), local(row.sub(at).shr(2)));
    });
    offset.increase(row);
  });
}

/** dy as a formula over so many arrays. */
interface Slope {
  readonly formula: Expression;
  readonly parts: number;
}

const GIVEN: Slope = { formula: { input: 0 }, parts: 1 };

/** sum dy and sum dy (x - mean) of each chunk. */
export function sumsOfChunk({ formula, parts }: Slope = GIVEN): SimdKernel {
  return {
    name: `normaliseSumsOfChunk ${JSON.stringify(formula)}`,
    parameters: 7 + parts,
    emit: (task, perChunk, pixels, channels, x, moments, partial, ...slopes) => {
      const { offset, count } = chunkOf(task, perChunk!, pixels!, channels!);
      const row = local(channels!.shl(2));
      const padded = paddedBytes(channels!);
      const to = local(partial!.add(task.mul(padded).shl(1)));
      forChannelBlocks(channels!, (at, vectors) => {
        const plain = times(vectors, () => local(splat(0)));
        const weighted = times(vectors, () => local(splat(0)));
        const means = times(vectors, (k) => load(moments!.add(at), 16 * k));
        const value = local(x!.add(offset).add(at));
        const from = slopes.map((part) => local(part.add(offset).add(at)));
        range(0, count, 1, () => {
          times(vectors, (k) => {
            const dy = vectorOf(
              formula,
              from.map((part) => load(part, 16 * k)),
            );
            plain[k]!.set(plain[k]!.add(dy));
            weighted[k]!.set(weighted[k]!.add(dy.mul(load(value, 16 * k).sub(means[k]!))));
          });
          value.increase(row);
          for (const part of from) part.increase(row);
        });
        plain.forEach((sum, k) => store(to.add(at), sum, 16 * k));
        weighted.forEach((sum, k) => store(to.add(padded).add(at), sum, 16 * k));
      });
    },
  };
}

/** The sums over all chunks; the second is multiplied by r. */
export function combineSums(epsilon: number): SimdKernel {
  return {
    name: `combineNormaliseSums ${epsilon}`,
    parameters: 6,
    emit: (task, chunks, channels, partial, moments, output) => {
      const padded = paddedBytes(channels!);
      range(task, padded, 16, (at) => {
        const plain = local(splat(0));
        const weighted = local(splat(0));
        const from = local(partial!.add(at));
        range(0, chunks!, 1, () => {
          plain.set(plain.add(load(from)));
          weighted.set(weighted.add(load(from.add(padded))));
          from.increase(padded.shl(1));
        });
        const left = local(channels!.sub(at.shr(2)));
        storeUpTo(output!.add(at), plain, left);
        const scaled = local(weighted.mul(inverseDeviation(moments!, channels!, at, epsilon)));
        storeUpTo(output!.add(channels!.shl(2)).add(at), scaled, left);
      });
    },
  };
}

/** dx = A dy - B - D (x - mean) with A = gamma r, B = A sums0 / m, D = A r sums1 / m, computed once a chunk. */
export function normaliseInputChunk(epsilon: number, { formula, parts }: Slope = GIVEN): SimdKernel {
  return {
    name: `normaliseInputChunk ${epsilon} ${JSON.stringify(formula)}`,
    parameters: 9 + parts,
    emit: (task, perChunk, pixels, channels, x, moments, sums, gamma, dx, ...slopes) => {
      const factors = local(threadScratch);
      const padded = paddedBytes(channels!);
      const count = local(broadcast(local(pixels!.toF32())));
      const [b, d] = [local(factors.add(padded)), local(factors.add(padded.shl(1)))];
      range(0, padded, 16, (at) => {
        const r = inverseDeviation(moments!, channels!, at, epsilon);
        const a = local(load(gamma!.add(at)).mul(r));
        store(factors.add(at), a);
        store(b.add(at), a.mul(load(sums!.add(at)).div(count)));
        store(d.add(at), a.mul(r).mul(load(sums!.add(channels!.shl(2)).add(at)).div(count)));
      });
      forEachVector({ task, perChunk: perChunk!, pixels: pixels!, channels: channels! }, dx!, (at, offset) => {
        const dy = vectorOf(
          formula,
          slopes.map((part) => load(part.add(offset))),
        );
        const centred = load(x!.add(offset)).sub(load(moments!.add(at)));
        return dy
          .mul(load(factors.add(at)))
          .sub(load(b.add(at)))
          .sub(centred.mul(load(d.add(at))));
      });
    },
  };
}
