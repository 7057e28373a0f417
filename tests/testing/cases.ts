/** Random cases of every differentiable op and of the modules, for the checker to agree with. */
import fc from 'fast-check';
import type { Shape, State, Tensor } from '../../core/index.ts';
import * as ops from '../../core/index.ts';
import {
  AvgPool2d,
  BasicBlock,
  BatchNorm2d,
  Bottleneck,
  Conv2d,
  Flatten,
  GlobalAvgPool2d,
  Linear,
  MaxPool2d,
  type Module,
  ReLU,
  Sequential,
} from '../../nn/index.ts';
import { broadcastPairs, convGeometries, shapes } from '../../testing/arbitraries.ts';
import { type InputSpec, randomValues } from '../../testing/index.ts';

export interface RandomCase {
  readonly what: string;
  readonly formula: (...inputs: Tensor[]) => Tensor;
  readonly inputs: readonly (Shape | InputSpec)[];
  readonly parameters?: readonly State[];
}

const positive = (shape: Shape): InputSpec => ({ shape, values: (own, seed) => randomValues(own, seed, 0.5, 2) });
const labels = (count: number, classes: number): InputSpec => ({
  shape: [count],
  differentiable: false,
  values: (own, seed) => randomValues(own, seed, 0, classes).map(Math.floor),
});

type One = (x: Tensor) => Tensor;
type Two = (a: Tensor, b: Tensor) => Tensor;

const UNARY: Readonly<Record<string, One>> = {
  neg: ops.neg,
  square: ops.square,
  sigmoid: ops.sigmoid,
  tanh: ops.tanh,
  exp: ops.exp,
  abs: ops.abs,
  relu: ops.relu,
  sign: ops.sign,
  scale: (x) => ops.scale(x, -0.7),
  clamp: (x) => ops.clamp(x, -0.512, 0.487),
  cube: (x) => ops.pow(x, 3),
  flatten: (x) => ops.flatten(x, 0),
  softmaxOfRows: (x) => ops.softmax(ops.reshape(x, [1, x.size])),
  reverse: (x) =>
    ops.slice(
      x,
      x.shape.map(() => ({ step: -1 })),
    ),
  everySecond: (x) =>
    ops.slice(
      x,
      x.shape.map(() => ({ step: 2 })),
    ),
  pad: (x) =>
    ops.pad(
      x,
      x.shape.map((_, axis) => [axis % 2, 1] as const),
    ),
  reversedAxes: (x) => ops.permute(x, x.shape.map((_, axis) => axis).reverse()),
};
const OF_POSITIVE: Readonly<Record<string, One>> = {
  log: ops.log,
  sqrt: ops.sqrt,
  power: (x) => ops.pow(x, 1.7),
  inverseSquare: (x) => ops.pow(x, -2),
};
const BINARY: Readonly<Record<string, Two>> = {
  add: ops.add,
  sub: ops.sub,
  mul: ops.mul,
  maximum: ops.maximum,
  minimum: ops.minimum,
  where: (a, b) => ops.where(ops.greater(a, b), a, b),
  masked: (a, b) => ops.mul(ops.lessEqual(a, 0.3), b),
};

const oneOf = <Value>(table: Readonly<Record<string, Value>>) => fc.constantFrom(...Object.entries(table));

const pointwiseCases: fc.Arbitrary<RandomCase> = fc.oneof(
  fc.tuple(oneOf(UNARY), shapes()).map(([[what, formula], shape]) => ({ what, formula, inputs: [shape] })),
  fc.tuple(oneOf(OF_POSITIVE), shapes()).map(([[what, formula], shape]) => ({ what, formula, inputs: [positive(shape)] })),
  fc.tuple(oneOf(BINARY), broadcastPairs()).map(([[what, formula], pair]) => ({ what, formula, inputs: pair })),
  broadcastPairs().map(([a, b]) => ({ what: 'div', formula: ops.div, inputs: [a, positive(b)] })),
  broadcastPairs().map(([a, b]) => ({
    what: 'expand',
    formula: (x: Tensor, y: Tensor) => ops.add(ops.expand(x, ops.add(x, y).shape), y),
    inputs: [a, b],
  })),
);

const REDUCE = { sum: ops.sum, mean: ops.mean, max: ops.max, variance: (x: Tensor, axes?: number[]) => ops.variance(x, axes) };
const reductionCases: fc.Arbitrary<RandomCase> = fc
  .tuple(oneOf(REDUCE), shapes({ minRank: 1 }), fc.nat(), fc.nat())
  .map(([[what, reduce], shape, from, count]) => {
    const first = from % shape.length;
    const axes = Array.from({ length: 1 + (count % (shape.length - first)) }, (_, k) => first + k);
    return { what: `${what} of ${axes}`, formula: (x: Tensor) => reduce(x, axes), inputs: [shape] };
  });

const matmulCases: fc.Arbitrary<RandomCase> = fc
  .tuple(shapes({ minRank: 3, maxRank: 3 }), fc.boolean(), fc.boolean())
  .map(([[n, k, m], transposeA, transposeB]) => ({
    what: `matmul ${transposeA} ${transposeB}`,
    formula: (a: Tensor, b: Tensor) => ops.matmul(a, b, { transposeA, transposeB }),
    inputs: [transposeA ? [k!, n!] : [n!, k!], transposeB ? [m!, k!] : [k!, m!]],
  }));

const convCases: fc.Arbitrary<RandomCase> = convGeometries().map(({ input, weight, options }) => ({
  what: `conv2d ${JSON.stringify(options)}`,
  formula: (x, w) => ops.conv2d(x!, w!, options),
  inputs: [input, weight],
}));

const image = fc.tuple(
  fc.integer({ min: 1, max: 2 }),
  fc.integer({ min: 1, max: 3 }),
  fc.integer({ min: 3, max: 6 }),
  fc.integer({ min: 3, max: 6 }),
);
const window = fc.record({ kernelSize: fc.integer({ min: 1, max: 3 }), stride: fc.integer({ min: 1, max: 3 }) });
const poolCases: fc.Arbitrary<RandomCase> = fc
  .tuple(image, window, fc.boolean(), fc.boolean())
  .map(([shape, own, padded, largest]) => {
    const options = { ...own, padding: padded ? Math.floor(own.kernelSize / 2) : 0 };
    const what = `${largest ? 'max' : 'avg'}Pool2d ${JSON.stringify(options)}`;
    return { what, formula: (x: Tensor) => (largest ? ops.maxPool2d(x, options) : ops.avgPool2d(x, options)), inputs: [shape] };
  });

const normCases: fc.Arbitrary<RandomCase> = fc.tuple(image, fc.boolean()).map(([shape, training]) => {
  const channels = [shape[1]];
  return training
    ? {
        what: 'batchNorm',
        formula: (x: Tensor, gamma: Tensor, beta: Tensor) => ops.batchNorm(x, gamma, beta, { epsilon: 0.01 }).output,
        inputs: [shape, positive(channels), channels],
      }
    : {
        what: 'batchNormEvaluate',
        formula: (x: Tensor, m: Tensor, v: Tensor, gamma: Tensor, beta: Tensor) => ops.batchNormEvaluate(x, m, v, gamma, beta),
        inputs: [shape, channels, positive(channels), positive(channels), channels],
      };
});

const rowCases: fc.Arbitrary<RandomCase> = fc
  .tuple(
    shapes({ minRank: 2, maxRank: 2 }),
    fc.constantFrom('crossEntropy', 'logSoftmax', 'gather', 'scatter', 'concat', 'stack', 'dropout', 'place', 'sgd'),
  )
  .map(([shape, what]): RandomCase => {
    const [n, classes] = shape as [number, number];
    const label = labels(n, classes);
    if (what === 'crossEntropy') return { what, formula: (x, l) => ops.crossEntropy(x!, l!), inputs: [shape, label] };
    if (what === 'logSoftmax') return { what, formula: (x) => ops.logSoftmax(x!), inputs: [shape] };
    if (what === 'gather') return { what, formula: (x, l) => ops.gatherByLabel(x!, l!), inputs: [shape, label] };
    if (what === 'scatter') return { what, formula: (x, l) => ops.scatterByLabel(x!, l!, classes), inputs: [[n], label] };
    if (what === 'concat') return { what, formula: (a, b) => ops.concat([a!, ops.mul(b!, a!), a!], 1), inputs: [shape, shape] };
    if (what === 'stack')
      return { what, formula: (a, b) => ops.stack([a!, ops.transpose(b!)], 1), inputs: [shape, [classes, n]] };
    if (what === 'dropout')
      return { what, formula: (x) => ops.dropout(x!, { probability: 0.4, key: ops.tensor([17, 4]) }), inputs: [shape] };
    if (what === 'place')
      return {
        what,
        formula: (x) => ops.place(x!, { start: [1, classes], step: [1, -1], shape: [n + 2, classes + 2] }),
        inputs: [shape],
      };
    const formula = (v: Tensor, g: Tensor, w: Tensor) =>
      ops.sgdStep(
        w,
        ops.sgdNesterov(ops.sgdMomentum(v, g, w, { momentum: 0.9, weightDecay: 0.1 }), g, w, { momentum: 0.9 }),
        ops.tensor(0.1),
      );
    return { what, formula: (v, g, w) => formula(v!, g!, w!), inputs: [shape, shape, shape] };
  });

/** Networks, with the gradients by their parameters; made in the case, so that fast-check shrinks what they are made of. */
const moduleCases: fc.Arbitrary<RandomCase> = fc
  .tuple(image, fc.integer({ min: 1, max: 3 }), fc.constantFrom('linear', 'conv', 'basic', 'bottleneck', 'pools'), fc.boolean())
  .map(([shape, outputs, what, strided]) => {
    const [, channels, height, width] = shape;
    const stride = strided ? 2 : 1;
    const networks: Readonly<Record<typeof what, () => Module>> = {
      linear: () => new Sequential(new Flatten(), new Linear(channels * height * width, 3), new ReLU(), new Linear(3, outputs)),
      conv: () =>
        new Sequential(
          new Conv2d(channels, outputs, { kernelSize: 3, padding: 1, stride }),
          new BatchNorm2d(outputs),
          new ReLU(),
          new GlobalAvgPool2d(),
        ),
      basic: () => new BasicBlock(channels, outputs, { stride, shortcut: stride === 1 && channels === outputs ? 'A' : 'B' }),
      bottleneck: () => new Bottleneck(channels, outputs, { stride, shortcut: 'B' }),
      pools: () =>
        new Sequential(
          new MaxPool2d({ kernelSize: 2, stride: 1 }),
          new Conv2d(channels, outputs, { kernelSize: 1 }),
          new AvgPool2d({ kernelSize: 2, stride }),
        ),
    };
    const network = networks[what]();
    network.assignPaths();
    return {
      what: `module ${what} ${channels} ${outputs} ${stride}`,
      formula: (x: Tensor) => network.forward(x),
      inputs: [shape],
      parameters: network.parameters(),
    };
  });

export const randomCases: fc.Arbitrary<RandomCase> = fc.oneof(
  { weight: 5, arbitrary: pointwiseCases },
  { weight: 2, arbitrary: reductionCases },
  matmulCases,
  { weight: 3, arbitrary: convCases },
  { weight: 2, arbitrary: poolCases },
  normCases,
  { weight: 2, arbitrary: rowCases },
  { weight: 2, arbitrary: moduleCases },
);
