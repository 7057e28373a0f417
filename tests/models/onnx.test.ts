/** The ONNX export: logits of ONNX Runtime against ours, the graph's structure, and sentences for what has no ONNX form. */
import { beforeAll, describe, expect, it } from 'vitest';
import * as tg from '../../core/index.ts';
import { type Shape, type Tensor, tensor, useDevice } from '../../core/index.ts';
import { plain20, resnet18, resnet20, resnet50 } from '../../models/index.ts';
import { exportOnnx, type OnnxOptions } from '../../models/onnx/exportOnnx.ts';
import * as nn from '../../nn/index.ts';
import { scaledError } from '../support/evaluate.ts';
import { onnxRuntime, readGraph } from '../support/onnx.ts';
import { randomArray } from '../support/random.ts';

beforeAll(() => useDevice('simd'));

/**
 * Of the largest logit. Both sides round to float32 in other orders, and ours takes Winograd's algorithm, whose errors are about
 * 1e-5 max |y| in every convolution (core/ops/conv2d/conv2d.ts); seen here: 1.5e-6 at most (resnet50). Folding moves roundings as well.
 */
const TOLERANCE = 1e-4;

const random = (shape: Shape, seed: number, low = -1, high = 1): Float32Array =>
  Float32Array.from(randomArray(shape, seed, low, high));

/** Running statistics and affine parameters away from 0 and 1. Small variances make epsilon matter. */
function unsettle<M extends nn.Module>(model: M): M {
  const ranges: readonly [RegExp, number, number][] = [
    [/running_var$/, 0.02, 1],
    [/running_mean$/, -0.3, 0.3],
    [/(bn\d|downsample\.1|norm)\.weight$/, 0.2, 0.6],
    [/bias$/, -0.3, 0.3],
  ];
  model.namedStates().forEach(([name, state], k) => {
    const range = ranges.find(([pattern]) => pattern.test(name));
    if (range !== undefined) state.assign(tensor(random(state.shape, k + 1, range[1], range[2]), state.shape));
  });
  return model;
}

/** A module that is a formula. */
class Formula extends nn.Module {
  constructor(
    private readonly body: (x: Tensor) => Tensor,
    readonly inner: readonly nn.Module[] = [],
  ) {
    super();
  }
  forward(x: Tensor): Tensor {
    return this.body(x);
  }
}

/** The largest difference between ONNX Runtime's output and ours, over the batch sizes, from one file. */
async function errorOf(model: nn.Module, options: OnnxOptions, batches: readonly number[]): Promise<number> {
  const session = await onnxRuntime.open!(await exportOnnx(model, options));
  model.eval();
  const errors: number[] = [];
  for (const batch of batches) {
    const shape = [batch, ...options.inputShape.slice(1)];
    const images = random(shape, 7 + batch);
    const ours = model.forward(tensor(images, shape));
    const theirs = await session.run(images, shape);
    expect(theirs.dims).toEqual(ours.shape);
    errors.push(scaledError(theirs.data, await ours.data()));
  }
  await session.release();
  return Math.max(...errors);
}

/** One of everything that takes options: biases, unequal pads, groups, dilation, an epsilon of its own. */
function smallNetwork(): nn.Module {
  return unsettle(
    new nn.Sequential(
      new nn.Conv2d(3, 8, { kernelSize: [5, 3], padding: [2, 0], stride: [1, 2] }),
      new nn.BatchNorm2d(8, { epsilon: 0.05 }),
      new nn.ReLU(),
      new nn.MaxPool2d({ kernelSize: 3, stride: 2, padding: 1 }),
      new nn.Dropout(0.5),
      new nn.Conv2d(8, 12, { kernelSize: 3, padding: 2, dilation: 2, groups: 4, bias: false }),
      new nn.BatchNorm2d(12),
      new nn.AvgPool2d({ kernelSize: [2, 3], stride: 2, padding: [0, 1] }),
      new nn.Identity(),
      new nn.Flatten(),
      new nn.Linear(12 * 6 * 2, 6),
      new nn.ReLU(),
      new nn.Linear(6, 5, { bias: false }),
    ),
  );
}

const CIFAR: Shape = [1, 3, 32, 32];
const IMAGENET: Shape = [1, 3, 224, 224];
const networks: readonly [string, () => nn.Module, Shape, number[]][] = [
  ['resnet20 (A)', () => unsettle(resnet20()), CIFAR, [1, 5]],
  ['resnet20 (B)', () => unsettle(resnet20({ shortcut: 'B', seed: 1 })), CIFAR, [1, 5]],
  ['resnet20 (C)', () => unsettle(resnet20({ shortcut: 'C', seed: 2 })), CIFAR, [1, 5]],
  ['plain20', () => unsettle(plain20()), CIFAR, [1, 5]],
  ['resnet18', () => unsettle(resnet18()), IMAGENET, [2, 1]],
  ['resnet50', () => unsettle(resnet50()), IMAGENET, [2, 1]],
  ['a small network', smallNetwork, [1, 3, 17, 19], [1, 4]],
];

/** Shape of the input, and a formula on it. */
const formulas: Readonly<Record<string, [Shape, (x: Tensor) => Tensor]>> = {
  smooth: [[1, 6], (x) => tg.add(tg.sigmoid(x), tg.mul(tg.tanh(x), tg.sub(tg.exp(x), tg.neg(tg.square(x)))))],
  'roots, logarithms and powers': [[1, 6], (x) => tg.div(tg.log(tg.add(tg.abs(x), 1)), tg.add(tg.sqrt(tg.pow(x, 4)), 2.5))],
  'powers of a fraction, below zero and zero': [
    [1, 6],
    (x) => tg.concat([tg.pow(tg.abs(x), 1.5), tg.pow(tg.add(x, 3), -2), tg.pow(x, 0)], 1),
  ],
  comparisons: [
    [1, 6],
    (x) => tg.concat([tg.less(x, 0), tg.greaterEqual(x, 0.5), tg.equal(x, x), tg.notEqual(x, x), tg.sign(x)], 1),
  ],
  choices: [[1, 6], (x) => tg.add(tg.where(tg.greater(x, 0), x, 3), tg.add(tg.clamp(x, -0.5, 0.5), tg.where(x, 1, 2)))],
  'constants and broadcasting': [[1, 4, 3], (x) => tg.add(tg.mul(x, tensor([1, 2, 3])), tg.fill([4, 1], 0.5))],
  'zeros of the batch’s shape': [[1, 4], (x) => tg.sub(x, tg.concat([tg.ones([x.shape[0]!, 2]), tg.zeros([x.shape[0]!, 2])], 1))],
  'expand to the batch': [[1, 4], (x) => tg.expand(tg.sum(x, 0, true), [x.shape[0]!, 4])],
  'expand to twice the batch': [[1, 4], (x) => tg.expand(tg.sum(x, 0, true), [x.shape[0]! * 2, 4])],
  reductions: [[1, 3, 4, 5], (x) => tg.concat([tg.sum(x, [1, 3]), tg.max(x, [-1, 1]), tg.mean(x, [1, 3])], 1)],
  'mean over the batch': [[1, 4], (x) => tg.sub(x, tg.mean(x, 0))],
  variance: [[1, 3, 4, 5], (x) => tg.variance(x, [2, 3])],
  'global average': [[1, 3, 4, 5], (x) => tg.globalAvgPool2d(x)],
  softmax: [[1, 3, 4], (x) => tg.concat([tg.softmax(x), tg.logSoftmax(x, 1)], 2)],
  'permute and transpose': [[1, 3, 4, 5], (x) => tg.transpose(tg.permute(x, [0, 2, 3, 1]))],
  'reshape across the batch': [[1, 4, 6], (x) => tg.exp(tg.reshape(tg.exp(x), [-1, 3, 2]))],
  'two reshapes of one value': [[1, 4, 6], (x) => tg.add(tg.exp(tg.reshape(x, [-1, 24])), tg.reshape(tg.relu(x), [-1, 24]))],
  'matmul of matrices': [[1, 4], (x) => tg.matmul(tg.matmul(x, x, { transposeA: true }), tensor(random([4, 3], 3), [4, 3]))],
  'matmul of batches': [[1, 4, 5], (x) => tg.matmul(x, tg.matmul(x, x, { transposeB: true }), { transposeA: true })],
  'matmul by one matrix, and a bias': [
    [1, 4, 5],
    (x) => tg.add(tg.matmul(x, tensor(random([3, 5], 3), [3, 5]), { transposeB: true }), tensor([1, 2, 3])),
  ],
  slices: [[1, 3, 8, 7], (x) => tg.slice(x, [undefined, 1, { start: 6, step: -2 }, { start: 1, stop: 6, step: 3 }])],
  'slices backwards to the first': [[1, 5], (x) => tg.slice(x, [undefined, { step: -1 }])],
  'the first image': [[1, 5], (x) => tg.slice(x, [{ stop: 1 }])],
  'pad by a value': [
    [1, 2, 3],
    (x) =>
      tg.pad(
        x,
        [
          [0, 0],
          [1, 0],
          [2, 1],
        ],
        7,
      ),
  ],
  'max pool, ceil, dilation': [
    [1, 2, 10, 9],
    (x) => tg.maxPool2d(x, { kernelSize: [3, 2], stride: 2, padding: 1, dilation: [1, 2], ceilMode: true }),
  ],
  'average pool, ceil': [[1, 2, 10, 9], (x) => tg.avgPool2d(x, { kernelSize: 3, stride: 2, padding: 1, ceilMode: true })],
  'average pool, ceil, padding not counted': [
    [1, 2, 10, 9],
    (x) => tg.avgPool2d(x, { kernelSize: [3, 4], stride: 3, padding: 1, ceilMode: true, countIncludePad: false }),
  ],
  'batch norm of vectors': [
    [1, 3],
    (x) => tg.batchNormEvaluate(x, tensor([1, 2, 3]), tensor([0.1, 1, 2]), tensor([2, 1, 3]), tensor([0, 1, 2])),
  ],
  detach: [[1, 3], (x) => tg.detach(tg.relu(x))],
  'the input itself': [[1, 3], (x) => x],
};

if (onnxRuntime.open === undefined && process.env.CI === 'true') {
  it('ONNX Runtime is present in CI', () => {
    throw new Error(onnxRuntime.reason);
  });
}

describe.skipIf(onnxRuntime.open === undefined)(
  `logits of ONNX Runtime${onnxRuntime.reason && `: ${onnxRuntime.reason}`}`,
  () => {
    describe.each(networks)('%s', (_, build, inputShape, batches) => {
      it.each(['kept', 'folded'] as const)('batch norm %s', async (batchNorm) => {
        expect(await errorOf(build(), { inputShape, batchNorm }, batches)).toBeLessThan(TOLERANCE);
      });
    });
    it.each(Object.entries(formulas))('%s', async (_, [inputShape, body]) => {
      expect(await errorOf(new Formula(body), { inputShape }, [1, 4])).toBeLessThan(TOLERANCE);
    });
  },
);

describe('the graph', () => {
  const graphs = [
    ...networks.filter(([, , shape]) => shape !== IMAGENET).map(([name, build, shape]) => [name, build, shape] as const),
  ];
  const all = [
    ...graphs,
    ...Object.entries(formulas).map(([name, [shape, body]]) => [name, () => new Formula(body), shape] as const),
  ];

  it.each(all)('of %s defines everything before it is read, once, and nothing for nobody', async (_, build, inputShape) => {
    for (const batchNorm of ['kept', 'folded'] as const) {
      const { nodes, initialisers, inputs, outputs } = readGraph(await exportOnnx(build(), { inputShape, batchNorm }));
      expect([inputs, outputs]).toEqual([['images'], ['logits']]);
      const defined = [...inputs, ...initialisers];
      for (const node of nodes) {
        expect(defined).toEqual(expect.arrayContaining(node.inputs));
        defined.push(...node.outputs);
      }
      expect(new Set(defined).size).toBe(defined.length);
      expect(new Set(nodes.map(({ name }) => name)).size).toBe(nodes.length);
      const used = new Set([...nodes.flatMap((node) => node.inputs), ...outputs]);
      expect(initialisers.filter((name) => !used.has(name))).toEqual([]);
      expect(nodes.filter((node) => !node.outputs.some((name) => used.has(name)))).toEqual([]);
    }
  });

  it('has the names of the state dict and of the modules', async () => {
    const model = resnet20();
    const { nodes, initialisers } = readGraph(await exportOnnx(model, { inputShape: CIFAR }));
    const names = [...(await model.stateDict()).keys()].sort();
    expect(initialisers.filter((name) => !name.startsWith('integers')).sort()).toEqual(names);
    expect(nodes.slice(0, 10).map(({ name, op }) => `${name}: ${op}`)).toEqual([
      'conv1: Conv',
      'bn1: BatchNormalization',
      'Relu: Relu',
      'layer1.0.conv1: Conv',
      'layer1.0.bn1: BatchNormalization',
      'layer1.0/Relu: Relu',
      'layer1.0.conv2: Conv',
      'layer1.0.bn2: BatchNormalization',
      'layer1.0/Add: Add',
      'layer1.0/Relu_1: Relu',
    ]);
    expect(nodes.slice(-3).map(({ name, op }) => `${name}: ${op}`)).toEqual([
      'GlobalAveragePool: GlobalAveragePool',
      'linear/Flatten: Flatten',
      'linear: Gemm',
    ]);
  });

  it('has no batch norm left where it is folded', async () => {
    const { nodes, initialisers } = readGraph(await exportOnnx(resnet20(), { inputShape: CIFAR, batchNorm: 'folded' }));
    expect(nodes.filter(({ op }) => op === 'BatchNormalization')).toEqual([]);
    expect(nodes.find(({ name }) => name === 'layer1.0.conv1')!.inputs.slice(1)).toEqual([
      'layer1.0.conv1.weight',
      'layer1.0.conv1.bias',
    ]);
    expect(initialisers.filter((name) => name.includes('bn'))).toEqual([]);
  });

  it('keeps the batch norm of a convolution that is read twice, and of one whose weight is shared', async () => {
    const [conv, norm] = [new nn.Conv2d(3, 3, { kernelSize: 1, bias: false }), new nn.BatchNorm2d(3)];
    const twice = new Formula(
      (x) => {
        const y = conv.forward(x);
        return tg.add(norm.forward(y), y);
      },
      [conv, norm],
    );
    const shared = new nn.Sequential(conv, norm, conv, norm);
    for (const model of [twice, shared]) {
      const { nodes } = readGraph(await exportOnnx(model, { inputShape: [1, 3, 4, 4], batchNorm: 'folded' }));
      expect(nodes.some(({ op }) => op === 'BatchNormalization')).toBe(true);
    }
  });

  it('computes a convolution once whose result is read with its bias and without', async () => {
    const conv = new nn.Conv2d(3, 3, { kernelSize: 1, bias: false });
    const bias = tg.reshape(tensor([1, 2, 3]), [3, 1, 1]);
    const twice = new Formula(
      (x) => {
        const y = conv.forward(x);
        return tg.mul(tg.add(y, bias), y);
      },
      [conv],
    );
    const { nodes } = readGraph(await exportOnnx(twice, { inputShape: [1, 3, 4, 4] }));
    expect(nodes.map(({ op }) => op)).toEqual(['Conv', 'Reshape', 'Add', 'Mul']);
  });

  it('leaves every module in its mode', async () => {
    const model = resnet20();
    model.layer1.eval();
    await exportOnnx(model, { inputShape: CIFAR });
    expect([model.training, model.bn1.training, model.layer1.training, model.layer2.training]).toEqual([true, true, false, true]);
  });
});

describe('what has no ONNX form ends in one sentence', () => {
  const flat: Shape = [1, 4];
  it.each<[string, Shape, (x: Tensor) => Tensor, RegExp]>([
    [
      'an op without translation',
      flat,
      (x) => tg.gatherByLabel(x, tg.scale(tg.sum(x, 1), 0)),
      /^onnx: head \/ gatherByLabel has no ONNX form; export a network of nn's layers/,
    ],
    [
      'zeros between elements',
      flat,
      (x) => tg.place(x, { start: [0, 0], step: [1, 2], shape: [x.shape[0]!, 7] }),
      /^onnx: head \/ place puts zeros between elements/,
    ],
    [
      'a length beside the batch',
      flat,
      (x) => tg.expand(tg.sum(x, 0, true), [x.shape[0]! + 1, 4]),
      /^onnx: head \/ expand makes a length that is no multiple of the number of images$/,
    ],
    ['a cut of the batch', flat, (x) => tg.slice(x, [{ start: 1 }]), /^onnx: head \/ slice cuts along an axis that depends/],
    [
      'a factor of the batch’s size',
      flat,
      (x) => tg.scale(x, x.shape[0]!),
      /^onnx: head \/ scale has other options for 2 than for 3 images/,
    ],
    [
      'a value of the batch’s size',
      flat,
      (x) => tg.add(x, x.shape[0]!),
      /^onnx: head \/ constant \[\] is recorded differently for 2 and for 3 images/,
    ],
    ['no use of the input', flat, () => tg.ones([3]), /^onnx: the output of the network does not depend on its input$/],
  ])('%s', async (_, inputShape, body, message) => {
    class Outer extends nn.Module {
      readonly head = new Formula(body);
      forward(x: Tensor): Tensor {
        return this.head.forward(x);
      }
    }
    await expect(exportOnnx(new Outer(), { inputShape })).rejects.toThrow(message);
  });
});
