/**
 * Ops and their gradients against TensorFlow.js, an implementation that shares nothing with this one, over random shapes. Its cpu backend
 * stores float32, so that is what both sides are compared in; its convolutions have no gradient with dilation, and no groups but one a
 * channel, so there the kernel is spread by zeros, and groups are one a channel.
 */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  add,
  avgPool2d,
  batchNorm,
  batchNormEvaluate,
  conv2d,
  crossEntropy,
  gradient,
  logSoftmax,
  matmul,
  maxPool2d,
  mul,
  type Shape,
  sum,
  type Tensor,
  tensor,
} from '../../core/index.ts';
import { CANCELLATION_TOLERANCE, openedDevices, reference } from '../support/devices.ts';
import { evaluate, scaledError } from '../support/evaluate.ts';
import { distinctArray, randomArray } from '../support/random.ts';

interface Input {
  readonly shape: Shape;
  readonly data: Float32Array;
}

const random = (shape: Shape, seed: number, low = -1, high = 1): Input => ({
  shape,
  data: Float32Array.from(randomArray(shape, seed, low, high)),
});
const distinct = (shape: Shape, seed: number): Input => ({ shape, data: Float32Array.from(distinctArray(shape, seed)) });

beforeAll(async () => {
  await tf.setBackend('cpu');
});

/** The value and every gradient of `ours` on the reference and on simd, against `theirs`, the output weighted at random. */
async function compare(
  inputs: readonly Input[],
  ours: (...tensors: Tensor[]) => Tensor,
  theirs: (...tensors: tf.Tensor[]) => tf.Tensor,
  seed: number,
): Promise<void> {
  const tensors = inputs.map(({ data, shape }) => tensor(data, shape));
  const output = ours(...tensors);
  const weights = random(output.shape, seed + 99);
  const results = [output, ...gradient(sum(mul(output, tensor(weights.data, weights.shape))), tensors)];
  const expected = tf.tidy(() => {
    const given = inputs.map(({ data, shape }) => tf.tensor(data, [...shape]));
    const value = theirs(...given);
    const slopes = tf.grads((...each: tf.Tensor[]) => theirs(...each))(given, tf.tensor(weights.data, [...weights.shape]));
    return [value, ...slopes].map((each) => ({ shape: each.shape, data: each.dataSync() }));
  });
  const simd = openedDevices.find(({ name }) => name === 'simd')!.device!;
  for (const device of [reference, simd]) {
    const actual = await evaluate(results, device);
    results.forEach((result, k) => {
      const what = `${k === 0 ? 'value' : `gradient ${k - 1}`} on ${device.name}`;
      expect(result.shape, what).toEqual(expected[k]!.shape);
      expect(scaledError(actual[k]!, expected[k]!.data), what).toBeLessThan(CANCELLATION_TOLERANCE);
    });
  }
}

// Theirs is channels-last, [n, h, w, c] and [i, j, c, o].
const toNhwc = (x: tf.Tensor): tf.Tensor4D => tf.transpose(x, [0, 2, 3, 1]) as tf.Tensor4D;
const toNchw = (x: tf.Tensor): tf.Tensor => tf.transpose(x, [0, 3, 1, 2]);
const toHwio = (weight: tf.Tensor): tf.Tensor4D => tf.transpose(weight, [2, 3, 1, 0]) as tf.Tensor4D;
type Pair = [number, number];
const framed = (x: tf.Tensor4D, [vertical, horizontal]: Pair): tf.Tensor4D =>
  tf.pad(x, [
    [0, 0],
    [vertical, vertical],
    [horizontal, horizontal],
    [0, 0],
  ]);

/** Zeros between the taps of [i, j, c, o]: what dilation means. */
function spread(weight: tf.Tensor4D, [vertical, horizontal]: Pair): tf.Tensor4D {
  const [i, j, c, o] = weight.shape;
  const apart = tf.pad(tf.reshape(weight, [i, 1, j, 1, c * o]), [
    [0, 0],
    [0, vertical - 1],
    [0, 0],
    [0, horizontal - 1],
    [0, 0],
  ]);
  const whole = tf.reshape(apart, [i * vertical, j * horizontal, c, o]);
  return tf.slice(whole, [0, 0, 0, 0], [(i - 1) * vertical + 1, (j - 1) * horizontal + 1, c, o]) as tf.Tensor4D;
}

const pairs = (low: number, high: number): fc.Arbitrary<Pair> =>
  fc.tuple(fc.integer({ min: low, max: high }), fc.integer({ min: low, max: high }));
const check = <Case>(property: fc.IAsyncProperty<Case>, numRuns: number): Promise<void> => fc.assert(property, { numRuns });

describe('conv2d', () => {
  const geometry = fc.record({
    n: fc.integer({ min: 1, max: 3 }),
    c: fc.constantFrom(1, 2, 3, 16, 20),
    o: fc.constantFrom(1, 3, 5, 16, 24),
    kernel: pairs(1, 4),
    stride: pairs(1, 3),
    padding: pairs(0, 2),
    dilation: pairs(1, 2),
    extra: pairs(0, 7),
    seed: fc.nat(1e6),
  });
  const sideOf = (kernel: Pair, dilation: Pair, extra: Pair, axis: 0 | 1): number =>
    dilation[axis] * (kernel[axis] - 1) + 1 + extra[axis];

  it('with stride, padding and dilation', () =>
    check(
      fc.asyncProperty(geometry, ({ n, c, o, kernel, stride, padding, dilation, extra, seed }) =>
        compare(
          [
            random([n, c, sideOf(kernel, dilation, extra, 0), sideOf(kernel, dilation, extra, 1)], seed),
            random([o, c, ...kernel], seed + 1),
          ],
          (x, weight) => conv2d(x, weight, { stride, padding, dilation }),
          (x, weight) => toNchw(tf.conv2d(framed(toNhwc(x), padding), spread(toHwio(weight), dilation), stride, 'valid')),
          seed,
        ),
      ),
      40,
    ));

  it('3x3 of stride 1 over many channels, by Winograd and directly', () =>
    check(
      fc.asyncProperty(
        fc.record({ n: fc.integer({ min: 1, max: 2 }), sides: pairs(4, 13), padding: pairs(0, 2), seed: fc.nat(1e6) }),
        fc.constantFrom('auto' as const, 'direct' as const),
        ({ n, sides, padding, seed }, algorithm) =>
          compare(
            [random([n, 16, ...sides], seed), random([20, 16, 3, 3], seed + 1)],
            (x, weight) => conv2d(x, weight, { padding, algorithm }),
            (x, weight) => toNchw(tf.conv2d(framed(toNhwc(x), padding), toHwio(weight), 1, 'valid')),
            seed,
          ),
      ),
      12,
    ));

  it('with a group a channel', () =>
    check(
      fc.asyncProperty(geometry, fc.integer({ min: 1, max: 2 }), ({ n, c, kernel, stride, padding, extra, seed }, multiplier) => {
        const step = stride[0]; // theirs has one stride for both axes
        return compare(
          [random([n, c, kernel[0] + extra[0], kernel[1] + extra[1]], seed), random([c * multiplier, 1, ...kernel], seed + 1)],
          (x, weight) => conv2d(x, weight, { stride: step, padding, groups: c }),
          (x, weight) => {
            const taps = tf.transpose(tf.reshape(weight, [c, multiplier, ...kernel]), [2, 3, 0, 1]) as tf.Tensor4D;
            return toNchw(tf.depthwiseConv2d(framed(toNhwc(x), padding), taps, step, 'valid'));
          },
          seed,
        );
      }),
      25,
    ));
});

describe('pooling', () => {
  const windows = fc.record({
    n: fc.integer({ min: 1, max: 2 }),
    c: fc.integer({ min: 1, max: 5 }),
    kernelSize: pairs(1, 3),
    stride: pairs(1, 3),
    extra: pairs(0, 6),
    seed: fc.nat(1e6),
  });
  it('maxPool2d', () =>
    check(
      fc.asyncProperty(windows, ({ n, c, kernelSize, stride, extra, seed }) =>
        compare(
          [distinct([n, c, kernelSize[0] + extra[0], kernelSize[1] + extra[1]], seed)],
          (x) => maxPool2d(x, { kernelSize, stride }),
          (x) => toNchw(tf.maxPool(toNhwc(x), kernelSize, stride, 'valid')),
          seed,
        ),
      ),
      25,
    ));
  it('maxPool2d with padding, as in the ImageNet networks', () =>
    check(
      fc.asyncProperty(fc.integer({ min: 3, max: 13 }), fc.nat(1e6), (side, seed) =>
        compare(
          [distinct([2, 4, side, side], seed)],
          (x) => maxPool2d(x, { kernelSize: 3, stride: 2, padding: 1 }),
          (x) => toNchw(tf.maxPool(toNhwc(x), 3, 2, 1, 'floor')),
          seed,
        ),
      ),
      10,
    ));
  it('avgPool2d', () =>
    check(
      fc.asyncProperty(windows, ({ n, c, kernelSize, stride, extra, seed }) =>
        compare(
          [random([n, c, kernelSize[0] + extra[0], kernelSize[1] + extra[1]], seed)],
          (x) => avgPool2d(x, { kernelSize, stride }),
          (x) => toNchw(tf.avgPool(toNhwc(x), kernelSize, stride, 'valid')),
          seed,
        ),
      ),
      25,
    ));
});

describe('batch norm', () => {
  const shapes = fc.record({
    n: fc.integer({ min: 2, max: 4 }),
    c: fc.integer({ min: 1, max: 18 }),
    sides: pairs(1, 6),
    seed: fc.nat(1e6),
  });
  const EPSILON = 1e-3;
  const vectors = (c: number, seed: number): Input[] => [random([c], seed, 0.5, 1.5), random([c], seed + 1)];

  const vector = (x: tf.Tensor): tf.Tensor1D => x as tf.Tensor1D;
  const theirs = (images: tf.Tensor4D, mean: tf.Tensor, variance: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor =>
    toNchw(tf.batchNorm(images, vector(mean), vector(variance), vector(beta), vector(gamma), EPSILON));

  it('by the statistics of the batch', () =>
    check(
      fc.asyncProperty(shapes, ({ n, c, sides, seed }) =>
        compare(
          [random([n, c, ...sides], seed, -1, 2), ...vectors(c, seed + 1)],
          (x, gamma, beta) => batchNorm(x, gamma, beta, { epsilon: EPSILON }).output,
          (x, gamma, beta) => {
            const images = toNhwc(x);
            const { mean, variance } = tf.moments(images, [0, 1, 2]);
            return theirs(images, mean, variance, gamma, beta);
          },
          seed,
        ),
      ),
      25,
    ));
  it('by given statistics', () =>
    check(
      fc.asyncProperty(shapes, ({ n, c, sides, seed }) =>
        compare(
          [random([n, c, ...sides], seed, -1, 2), random([c], seed + 1), random([c], seed + 2, 0.5, 2), ...vectors(c, seed + 3)],
          (x, mean, variance, gamma, beta) => batchNormEvaluate(x, mean, variance, gamma, beta, { epsilon: EPSILON }),
          (x, mean, variance, gamma, beta) => theirs(toNhwc(x), mean, variance, gamma, beta),
          seed,
        ),
      ),
      25,
    ));
});

describe('the end of a network', () => {
  const rows = fc.record({
    n: fc.integer({ min: 1, max: 7 }),
    inputs: fc.integer({ min: 1, max: 40 }),
    classes: fc.integer({ min: 2, max: 20 }),
    seed: fc.nat(1e6),
  });
  it('linear', () =>
    check(
      fc.asyncProperty(rows, ({ n, inputs, classes, seed }) =>
        compare(
          [random([n, inputs], seed), random([classes, inputs], seed + 1), random([classes], seed + 2)],
          (x, weight, bias) => add(matmul(x, weight, { transposeB: true }), bias),
          (x, weight, bias) => tf.add(tf.matMul(x as tf.Tensor2D, weight as tf.Tensor2D, false, true), bias),
          seed,
        ),
      ),
      25,
    ));
  it('logSoftmax', () =>
    check(
      fc.asyncProperty(rows, ({ n, classes, seed }) =>
        compare(
          [random([n, classes], seed, -8, 8)],
          (x) => logSoftmax(x, 1),
          (x) => tf.logSoftmax(x, 1),
          seed,
        ),
      ),
      25,
    ));
  it('crossEntropy with label smoothing', () =>
    check(
      fc.asyncProperty(rows, fc.constantFrom(0, 0.1, 0.5), ({ n, classes, seed }, labelSmoothing) => {
        const labels = Array.from({ length: n }, (_, k) => (seed + 7 * k) % classes);
        const targets = (): tf.Tensor => tf.oneHot(tf.tensor1d(labels, 'int32'), classes);
        return compare(
          [random([n, classes], seed, -4, 4)],
          (logits) => crossEntropy(logits, tensor(labels), { labelSmoothing }),
          (logits) => tf.losses.softmaxCrossEntropy(targets(), logits, undefined, labelSmoothing),
          seed,
        );
      }),
      25,
    ));
});
