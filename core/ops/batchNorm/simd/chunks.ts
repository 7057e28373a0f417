/** What the kernels of batch norm share: x is [pixels, c], a task is a chunk of pixels, partial results are rows of padded vectors. */
import {
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
} from '../../../devices/simd/emit/index.ts';
import { storeUpTo } from '../../../devices/simd/rows.ts';

/** Bytes of a padded vector of c floats. */
export const paddedBytes = (channels: I32Var): I32Var => local(channels.add(3).and(~3).shl(2));

/** The pixels of a chunk: where the first begins, in bytes, and how many there are. */
export function chunkOf(task: I32Var, perChunk: I32Var, pixels: I32Var, channels: I32Var): { offset: I32Var; count: I32Var } {
  const first = local(task.mul(perChunk));
  return { offset: local(first.mul(channels).shl(2)), count: min(pixels.sub(first), perChunk) };
}

/** Calls `write` for blocks of channels, 16 at a time, then 4; `at` is the byte offset of a block, `vectors` its width. */
export function forChannelBlocks(channels: I32Var, write: (at: I32Var, vectors: number) => void): void {
  const bytes = paddedBytes(channels);
  const wide = local(bytes.and(~63));
  range(0, wide, 64, (at) => write(at, 4));
  range(wide, bytes, 16, (at) => write(at, 1));
}

/** r = 1 / sqrt(variance + epsilon) of four channels; the variances lie behind the means. */
export const inverseDeviation = (moments: I32, channels: I32Var, at: I32Var, epsilon: number): F32x4Var =>
  local(splat(1).div(local(load(moments.add(channels.shl(2)).add(at)).add(epsilon)).sqrt()));

/** Stores four channels of each row of an output [2, c], the channels that there are. */
export function storeRows(output: I32, channels: I32Var, at: I32Var, [first, second]: readonly [F32x4Var, F32x4Var]): void {
  const left = local(channels.sub(at.shr(2)));
  storeUpTo(output.add(at), first, left);
  storeUpTo(output.add(channels.shl(2)).add(at), second, left);
}

interface Chunk {
  readonly task: I32Var;
  readonly perChunk: I32Var;
  readonly pixels: I32Var;
  readonly channels: I32Var;
}

/** Stores `value` for every vector of the chunk; `at` is the byte offset of its channels, `offset` that of the element. */
export function forEachVector(
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
