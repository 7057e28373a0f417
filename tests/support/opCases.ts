/** Small cases of every op, with their gradients: for devices that only a page can have. opCases.test.ts sees that none is missing. */
import { defineOp, gradient, mul, type Shape, sum, type Tensor, tensor } from '../../core/index.ts';
import * as allOps from '../../core/ops/index.ts';
import { distinctArray, randomArray } from './random.ts';

export interface OpCase {
  readonly name: string;
  /** The value, then the gradients of a weighted sum of it. */
  readonly results: readonly Tensor[];
}

/** Has no kernel anywhere: its loops run on the host. */
const doubled = defineOp({
  name: 'doubled',
  inputs: ['x'],
  shape: ([x]) => x,
  reference({ inputs: [x], output }) {
    for (let k = 0; k < output.length; k++) output[k] = 2 * x[k]!;
  },
  gradient: ({ dy }) => [() => mul(dy, 2)],
});

/** Random values without ties, so that kinks and maxima are far away. */
function values(shape: Shape, seed: number): Tensor {
  return tensor(Float32Array.from(distinctArray(shape, seed)), shape);
}

function positive(shape: Shape, seed: number): Tensor {
  return tensor(Float32Array.from(randomArray(shape, seed, 0.5, 2)), shape);
}

function opCase(name: string, formula: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[]): OpCase {
  const output = formula(...inputs);
  const weights = tensor(Float32Array.from(randomArray(output.shape, 3)), output.shape);
  return { name, results: [output, ...gradient(sum(mul(output, weights)), inputs)] };
}

/** Lengths such as 41 and 47 are those at which careless index division fails. */
export function opCases(ops: typeof allOps = allOps): OpCase[] {
  return [...pointwiseCases(ops), ...reductionCases(ops), ...imageCases(ops), ...movementCases(ops), ...lossCases(ops)];
}

function pointwiseCases(ops: typeof allOps): OpCase[] {
  const {
    abs,
    add,
    clamp,
    div,
    exp,
    log,
    maximum,
    minimum,
    neg,
    pow,
    relu,
    scale,
    sigmoid,
    sign,
    sqrt,
    square,
    sub,
    tanh,
    where,
  } = ops;
  const { equal, greater, greaterEqual, less, lessEqual, notEqual } = ops;
  const [a, b] = [values([41], 1), values([41], 2)];
  return [
    opCase('add', (a, b) => add(a!, b!), [values([3, 41], 1), values([3, 41], 2)]),
    opCase('add, broadcast', (a, b) => add(a!, b!), [values([2, 3, 47], 1), values([3, 1], 2)]),
    opCase('mul', (a, b) => ops.mul(a!, b!), [values([5, 7], 1), values([5, 7], 2)]),
    opCase('sub and div', (a, b) => div(sub(a!, b!), b!), [values([5, 7], 1), positive([5, 7], 2)]),
    opCase('exp, log, sqrt, tanh', (a) => tanh(sqrt(log(add(exp(a!), 1)))), [values([55], 1)]),
    opCase('neg, square, sigmoid, scale', (a) => scale(sigmoid(neg(square(a!))), 0.7), [values([55], 1)]),
    opCase('pow', (a) => add(pow(a!, 1.7), pow(a!, -2)), [positive([41], 3)]),
    opCase('relu', (a) => relu(a!), [values([3, 61], 4)]),
    opCase('maximum, where', (a, b) => where(maximum(a!, b!), a!, b!), [a, b]),
    opCase('abs, sign, minimum, clamp', (a, b) => add(mul(abs(a!), sign(b!)), minimum(clamp(a!, -0.5, 0.5), b!)), [a, b]),
    opCase(
      'comparisons',
      (a, b) => {
        const before = add(scale(less(a!, b!), 2), scale(lessEqual(a!, 0.5), 4));
        const after = add(scale(greater(a!, b!), 8), scale(greaterEqual(a!, -0.5), 16));
        return mul(add(add(before, after), add(scale(equal(a!, b!), 32), scale(notEqual(a!, b!), 64))), a!);
      },
      [a, b],
    ),
    opCase('fill, ones, zeros', (a) => add(mul(a!, ops.fill([5, 7], 0.3)), sub(ops.ones([5, 7]), ops.zeros([5, 7]))), [
      values([5, 7], 1),
    ]),
    opCase('expand', (a) => ops.expand(a!, [3, 4, 5]), [values([4, 1], 2)]),
  ];
}

function reductionCases(ops: typeof allOps): OpCase[] {
  const { matmul, max, mean, variance } = ops;
  return [
    opCase('sum of all', (a) => ops.sum(a!), [values([3, 41], 1)]),
    opCase('sum of an axis', (a) => ops.sum(a!, [1]), [values([3, 5, 41], 1)]),
    opCase('sum of 5,000', (a) => ops.sum(a!), [values([5000], 1)]),
    opCase('mean, variance', (a) => ops.add(mean(a!, [0]), variance(a!, [0])), [values([9, 47], 1)]),
    opCase('max', (a) => max(a!, [1]), [values([5, 47], 1)]),
    ...[false, true].flatMap((transposeA) =>
      [false, true].map((transposeB) =>
        opCase(
          `matmul${transposeA ? ' TA' : ''}${transposeB ? ' TB' : ''}`,
          (a, b) => matmul(a!, b!, { transposeA, transposeB }),
          [values(transposeA ? [41, 5] : [5, 41], 1), values(transposeB ? [7, 41] : [41, 7], 2)],
        ),
      ),
    ),
  ];
}

function imageCases({ avgPool2d, batchNorm, batchNormEvaluate, conv2d, globalAvgPool2d, maxPool2d }: typeof allOps): OpCase[] {
  const image = values([2, 4, 9, 41], 5);
  return [
    opCase('conv2d', (x, w) => conv2d(x!, w!), [image, values([5, 4, 3, 3], 6)]),
    opCase('conv2d, stride and padding', (x, w) => conv2d(x!, w!, { stride: 2, padding: 1 }), [image, values([5, 4, 3, 3], 6)]),
    opCase('conv2d, groups and dilation', (x, w) => conv2d(x!, w!, { groups: 2, dilation: 2, padding: [2, 0] }), [
      image,
      values([6, 2, 3, 2], 6),
    ]),
    opCase('conv2d, 64 x 65 positions', (x, w) => conv2d(x!, w!, { padding: 1 }), [
      values([1, 2, 64, 65], 3),
      values([3, 2, 3, 3], 4),
    ]),
    opCase('conv2d, 17 channels', (x, w) => conv2d(x!, w!, { padding: 1 }), [
      values([2, 17, 6, 7], 3),
      values([18, 17, 3, 3], 4),
    ]),
    opCase('batchNorm', (x, gamma, beta) => batchNorm(x!, gamma!, beta!, { epsilon: 0.01 }).output, [
      values([3, 4, 5, 7], 1),
      positive([4], 2),
      values([4], 3),
    ]),
    opCase('batchNormEvaluate', (x, m, v, gamma, beta) => batchNormEvaluate(x!, m!, v!, gamma!, beta!), [
      values([3, 4, 5, 7], 1),
      values([4], 2),
      positive([4], 3),
      positive([4], 4),
      values([4], 5),
    ]),
    opCase('maxPool2d', (x) => maxPool2d(x!, { kernelSize: 3, stride: 2, padding: 1 }), [image]),
    opCase('avgPool2d', (x) => avgPool2d(x!, { kernelSize: 3, stride: 2, padding: 1 }), [image]),
    opCase('globalAvgPool2d', (x) => globalAvgPool2d(x!), [image]),
  ];
}

function movementCases(ops: typeof allOps): OpCase[] {
  const { concat, detach, flatten, pad, permute, place, reshape, slice, stack, transpose } = ops;
  const image = values([2, 4, 9, 41], 5);
  const [low, high] = [
    [1, 2],
    [0, 3],
  ] as const;
  return [
    opCase('an op without kernels', (a) => mul(doubled(mul(a!, a!)), a!), [values([3, 41], 1)]),
    opCase('reshape', (a) => reshape(a!, [6, 10]), [values([3, 4, 5], 2)]),
    opCase('flatten, detach', (a) => mul(flatten(a!), detach(flatten(a!))), [values([3, 4, 5], 2)]),
    opCase('slice', (x) => slice(x!, [undefined, { start: 1, stop: 3 }, { start: 8, step: -2 }]), [image]),
    opCase('place', (x) => place(x!, { start: [2, 40], step: [2, -1], shape: [7, 47] }), [values([3, 41], 1)]),
    opCase('pad', (x) => pad(x!, [low, high]), [values([3, 41], 1)]),
    opCase('concat', (a, b) => concat([a!, b!], 1), [values([3, 5, 2], 1), values([3, 4, 2], 2)]),
    opCase('stack, transpose', (a, b) => stack([transpose(a!), b!], 1), [values([5, 41], 1), values([41, 5], 2)]),
    opCase('permute', (x) => permute(x!, [0, 2, 3, 1]), [image]),
  ];
}

function lossCases(ops: typeof allOps): OpCase[] {
  const { crossEntropy, dropout, dropoutMask, gatherByLabel, logSoftmax, scatterByLabel, softmax } = ops;
  const { sgdMomentum, sgdNesterov, sgdStep } = ops;
  const labels = tensor([0, 3, 9, 5, 1]);
  const [velocity, slope, weight] = [positive([41], 1), positive([41], 2), positive([41], 3)];
  const sgd = [
    sgdMomentum(velocity, slope, weight, { momentum: 0.9, weightDecay: 0.1 }),
    sgdNesterov(velocity, slope, weight, { momentum: 0.9 }),
    sgdStep(weight, slope, 0.1),
  ];
  return [
    opCase('softmax and logSoftmax', (x) => ops.add(softmax(x!), logSoftmax(x!)), [values([5, 47], 1)]),
    opCase('gatherByLabel', (x) => gatherByLabel(x!, labels), [values([5, 10], 1)]),
    opCase('scatterByLabel', (x) => scatterByLabel(x!, labels, 10), [values([5], 1)]),
    opCase('crossEntropy', (x) => crossEntropy(x!, labels, { labelSmoothing: 0.1 }), [values([5, 10], 1)]),
    opCase('dropout', (x) => dropout(x!, { probability: 0.3, key: tensor([123, 456]) }), [values([5, 41], 1)]),
    opCase('dropoutMask', (x) => mul(x!, dropoutMask(tensor([7, 4095]), [3, 41], 0.6)), [values([3, 41], 1)]),
    { name: 'sgd', results: sgd },
  ];
}
