/**
 * Batch normalisation (Ioffe and Szegedy, arXiv:1502.03167, Algorithm 1) over all axes but the channels, x [n, c, ...]; m is the
 * number of values of a channel:
 *
 *     mean[c] = sum x / m        variance[c] = sum (x - mean)^2 / m        r[c] = 1 / sqrt(variance + epsilon)
 *     y = gamma (x - mean) r + beta
 *
 *     sums[c] = (sum dy,  sum dy (x - mean) r)        dbeta = sums 0        dgamma = sums 1
 *     dx = gamma r (dy - sums0 / m - (x - mean) r sums1 / m)
 *
 * Four ops, since an op has one output: moments, normalise, normaliseSums, normaliseInput. dx is the total derivative, through the
 * mean and the variance too, so `normalise` gives no gradient to its moments; it is only ever recorded with the moments of its own x.
 */
import { type Op, record } from '../../op.ts';
import { formatShape, type Shape, ShapeError, sizeOf } from '../../shape.ts';
import { gradientsOf } from '../../tape.ts';
import type { Tensor } from '../../tensor.ts';
import { stack } from '../concat/concat.ts';
import { div, scale, sqrt, sub } from '../pointwise/arithmetic.ts';
import { add, fill, mul } from '../pointwise/pointwise.ts';
import { sum } from '../reduce/sum.ts';
import { reshape } from '../reshape/reshape.ts';
import { slice } from '../slice/slice.ts';
import { momentsProgram, normaliseInputProgram, normaliseProgram, normaliseSumsProgram } from './gpu.ts';
import { normaliseThen, type ThenOptions } from './normaliseThen.ts';
import * as simd from './simd.ts';
import { slopeOf } from './slopeOf.ts';

type NoOptions = Readonly<Record<string, never>>;
export type EpsilonOptions = { readonly epsilon: number };

/** [n, c, positions] with everything behind the channels merged. */
export interface BatchSizes {
  readonly n: number;
  readonly c: number;
  readonly positions: number;
  /** Values of a channel: n * positions. */
  readonly count: number;
}

export function batchSizes([n, c, ...rest]: Shape): BatchSizes {
  const positions = sizeOf(rest);
  return { n: n!, c: c!, positions, count: n! * positions };
}

/** Calls `visit` with the flat index and the channel of every element of x. */
function forEachElement({ n, c, positions }: BatchSizes, visit: (at: number, channel: number) => void): void {
  let at = 0;
  for (let image = 0; image < n; image++) {
    for (let channel = 0; channel < c; channel++) {
      for (let p = 0; p < positions; p++) visit(at++, channel);
    }
  }
}

const momentsOp: Op<NoOptions> = {
  name: 'moments',
  inputs: ['x'],
  shape: ([x]) => [2, x![1]!],
  reference: ({ inputs: [x], output, shapes }) => {
    const sizes = batchSizes(shapes[0]!);
    const { c, count } = sizes;
    output.fill(0);
    forEachElement(sizes, (at, channel) => {
      output[channel]! += x![at]! / count;
    });
    forEachElement(sizes, (at, channel) => {
      output[c + channel]! += (x![at]! - output[channel]!) ** 2 / count;
    });
  },
  gradient: ({ inputs: [x], output, dy }) => [
    () => {
      const centred = sub(x!, channelRow(output, 0, x!.shape));
      const dMean = channelRow(dy, 0, x!.shape);
      const dVariance = channelRow(dy, 1, x!.shape);
      return scale(add(dMean, scale(mul(centred, dVariance), 2)), 1 / batchSizes(x!.shape).count);
    },
  ],
  gpu: ({ shapes }) => momentsProgram(batchSizes(shapes[0]!)),
  simd: simd.momentsProgram,
  layout: simd.momentsLayout,
};

const normaliseOp: Op<EpsilonOptions> = {
  name: 'normalise',
  inputs: ['x', 'moments', 'gamma', 'beta'],
  shape: ([x]) => x!,
  reference: ({ inputs: [x, moments, gamma, beta], output, shapes, options }) => {
    const sizes = batchSizes(shapes[0]!);
    forEachElement(sizes, (at, channel) => {
      output[at] =
        gamma![channel]! * (x![at]! - moments![channel]!) * inverseDeviation(moments!, sizes.c, channel, options) +
        beta![channel]!;
    });
  },
  gradient: ({ inputs: [x, moments, gamma], dy, options }) => {
    const sums = once(() => normaliseSums(dy, x!, moments!, options));
    return [() => normaliseInput(dy, x!, moments!, sums(), gamma!, options), null, () => row(sums(), 1), () => row(sums(), 0)];
  },
  gpu: ({ shapes, options }) => normaliseProgram(batchSizes(shapes[0]!), options.epsilon),
  simd: simd.normaliseProgram,
  layout: simd.normaliseLayout,
  followedBy: ({ shapes, options }, formula) =>
    simd.liesInPixels(shapes[0]!) ? { op: normaliseThenOp, options: { ...options, formula } } : undefined,
};

const normaliseThenOp: Op<ThenOptions> = normaliseThen(normaliseOp.reference);

const normaliseSumsOp: Op<EpsilonOptions> = {
  name: 'normaliseSums',
  inputs: ['dy', 'x', 'moments'],
  shape: ([dy]) => [2, dy![1]!],
  reference: ({ inputs: [dy, x, moments], output, shapes, options }) => {
    const sizes = batchSizes(shapes[0]!);
    output.fill(0);
    forEachElement(sizes, (at, channel) => {
      output[channel]! += dy![at]!;
      output[sizes.c + channel]! +=
        dy![at]! * (x![at]! - moments![channel]!) * inverseDeviation(moments!, sizes.c, channel, options);
    });
  },
  gradient: ({ inputs, dy, options }) => gradientsOf((...parts) => sumsInPrimitives(parts, options), inputs, dy),
  gpu: ({ shapes, options }) => normaliseSumsProgram(batchSizes(shapes[0]!), options.epsilon),
  simd: simd.normaliseSumsProgram,
  layout: simd.sumsLayout,
  precededBy: ({ shapes, options }, formula) =>
    simd.liesInPixels(shapes[0]!) ? { op: normaliseSumsOfOp, options: { ...options, formula } } : undefined,
};

const normaliseSumsOfOp = slopeOf(normaliseSumsOp, { simd: simd.normaliseSumsOfProgram, layout: simd.sumsOfLayout });

const normaliseInputOp: Op<EpsilonOptions> = {
  name: 'normaliseInput',
  inputs: ['dy', 'x', 'moments', 'sums', 'gamma'],
  shape: ([dy]) => dy!,
  reference: ({ inputs: [dy, x, moments, sums, gamma], output, shapes, options }) => {
    const sizes = batchSizes(shapes[0]!);
    const { c, count } = sizes;
    forEachElement(sizes, (at, channel) => {
      const r = inverseDeviation(moments!, c, channel, options);
      const normal = (x![at]! - moments![channel]!) * r;
      output[at] = gamma![channel]! * r * (dy![at]! - sums![channel]! / count - (normal * sums![c + channel]!) / count);
    });
  },
  gradient: ({ inputs, dy, options }) => gradientsOf((...parts) => inputInPrimitives(parts, options), inputs, dy),
  gpu: ({ shapes, options }) => normaliseInputProgram(batchSizes(shapes[0]!), options.epsilon),
  simd: simd.normaliseInputProgram,
  layout: simd.inputLayout,
  precededBy: ({ shapes, options }, formula) =>
    simd.liesInPixels(shapes[0]!) ? { op: normaliseInputOfOp, options: { ...options, formula } } : undefined,
};

const normaliseInputOfOp = slopeOf(normaliseInputOp, { simd: simd.normaliseInputOfProgram, layout: simd.inputOfLayout });

function inverseDeviation(moments: Float64Array, c: number, channel: number, { epsilon }: EpsilonOptions): number {
  return 1 / Math.sqrt(moments[c + channel]! + epsilon);
}

function normaliseSums(dy: Tensor, x: Tensor, moments: Tensor, options: EpsilonOptions): Tensor {
  return record(normaliseSumsOp, [dy, x, moments], options);
}

function normaliseInput(dy: Tensor, x: Tensor, moments: Tensor, sums: Tensor, gamma: Tensor, options: EpsilonOptions): Tensor {
  return record(normaliseInputOp, [dy, x, moments, sums, gamma], options);
}

// The same formulas in primitives, for the gradients of the gradients.

function sumsInPrimitives([dy, x, moments]: readonly Tensor[], options: EpsilonOptions): Tensor {
  const axes = x!.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  return stack([sum(dy!, axes), sum(mul(dy!, normalised(x!, moments!, options)), axes)], 0);
}

function inputInPrimitives([dy, x, moments, sums, gamma]: readonly Tensor[], options: EpsilonOptions): Tensor {
  const { count } = batchSizes(x!.shape);
  const shape = x!.shape;
  const slope = sub(
    dy!,
    scale(add(channelRow(sums!, 0, shape), mul(normalised(x!, moments!, options), channelRow(sums!, 1, shape))), 1 / count),
  );
  return mul(slope, perChannel(div(gamma!, deviation(row(moments!, 1), options)), shape));
}

function normalised(x: Tensor, moments: Tensor, options: EpsilonOptions): Tensor {
  return div(sub(x, channelRow(moments, 0, x.shape)), perChannel(deviation(row(moments, 1), options), x.shape));
}

function deviation(variance: Tensor, { epsilon }: EpsilonOptions): Tensor {
  return sqrt(add(variance, fill([], epsilon)));
}

/** Row k of a [2, c] tensor, as [c]. */
function row(pair: Tensor, k: 0 | 1): Tensor {
  return slice(pair, [k]);
}

/** [c] as [c, 1, ...], so that it broadcasts along the channels of `shape`. */
function perChannel(values: Tensor, shape: Shape): Tensor {
  return reshape(values, [values.size, ...shape.slice(2).map(() => 1)]);
}

function channelRow(pair: Tensor, k: 0 | 1, shape: Shape): Tensor {
  return perChannel(row(pair, k), shape);
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** Options of `batchNorm` and `batchNormEvaluate`. */
export interface BatchNormOptions {
  /** Added to the variance under the root; 1e-5 by default, as in PyTorch. */
  readonly epsilon?: number;
}

/**
 * Batch normalisation by the statistics of this batch: x [n, c, ...], gamma and beta [c]. Returns y in x's shape with the batch's
 * mean and (biased) variance [c], for running averages. Throws a ShapeError when shapes do not fit or a channel has one value only.
 */
export function batchNorm(
  x: Tensor,
  gamma: Tensor,
  beta: Tensor,
  options: BatchNormOptions = {},
): {
  /** y, in x's shape. */
  output: Tensor;
  /** The batch's mean, [c]. */
  mean: Tensor;
  /** The batch's biased variance, [c]. */
  variance: Tensor;
} {
  checkChannels(x, { gamma, beta });
  if (batchSizes(x.shape).count === 1) {
    throw new ShapeError(
      'batchNorm',
      `input ${formatShape(x.shape)} has one value per channel, and its variance is needed; use a larger batch or evaluation mode`,
      [x.shape],
    );
  }
  const moments = record(momentsOp, [x], {});
  const output = record(normaliseOp, [x, moments, gamma, beta], { epsilon: options.epsilon ?? 1e-5 });
  return { output, mean: row(moments, 0), variance: row(moments, 1) };
}

/**
 * Normalisation by given statistics (running averages), y = gamma (x - mean) / sqrt(variance + epsilon) + beta: x [n, c, ...],
 * all others [c]. Throws a ShapeError where shapes do not fit.
 */
export function batchNormEvaluate(
  x: Tensor,
  mean: Tensor,
  variance: Tensor,
  gamma: Tensor,
  beta: Tensor,
  options: BatchNormOptions = {},
): Tensor {
  checkChannels(x, { mean, variance, gamma, beta });
  const factor = div(gamma, deviation(variance, { epsilon: options.epsilon ?? 1e-5 }));
  return add(mul(sub(x, perChannel(mean, x.shape)), perChannel(factor, x.shape)), perChannel(beta, x.shape));
}

function checkChannels(x: Tensor, vectors: Readonly<Record<string, Tensor>>): void {
  if (x.shape.length < 2)
    throw new ShapeError('batchNorm', `input needs axes [n, c, ...], but it has shape ${formatShape(x.shape)}`, [x.shape]);
  for (const [name, { shape }] of Object.entries(vectors)) {
    if (shape.length === 1 && shape[0] === x.shape[1]) continue;
    throw new ShapeError(
      'batchNorm',
      `input has ${x.shape[1]} channels, so ${name} needs shape [${x.shape[1]}], but it has ${formatShape(shape)} (input ${formatShape(x.shape)})`,
      [x.shape, shape],
    );
  }
}
