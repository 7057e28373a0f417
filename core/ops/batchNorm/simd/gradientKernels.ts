/** The kernels of the gradients: the sums that all pixels share, chunk by chunk and combined, and the input's gradient. */
import { broadcast, load, local, range, splat, store, threadScratch, times } from '../../../devices/simd/emit/index.ts';
import type { SimdKernel } from '../../../devices/simd/kernel.ts';
import type { Expression } from '../../pointwise/expression.ts';
import { vectorOf } from '../../pointwise/vector.ts';
import { chunkOf, forChannelBlocks, forEachVector, inverseDeviation, paddedBytes, storeRows } from './chunks.ts';

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

/** The sums over all chunks, the second multiplied by r. A task is a vector of four channels. */
export function combineSums(epsilon: number): SimdKernel {
  return {
    name: `combineNormaliseSums ${epsilon}`,
    parameters: 6,
    emit: (task, chunks, channels, partial, moments, output) => {
      const padded = paddedBytes(channels!);
      const at = local(task.shl(4));
      const plain = local(splat(0));
      const weighted = local(splat(0));
      const from = local(partial!.add(at));
      range(0, chunks!, 1, () => {
        plain.set(plain.add(load(from)));
        weighted.set(weighted.add(load(from.add(padded))));
        from.increase(padded.shl(1));
      });
      const scaled = local(weighted.mul(inverseDeviation(moments!, channels!, at, epsilon)));
      storeRows(output!, channels!, at, [plain, scaled]);
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
