/** Faults that gradients are written with: ops and modules, each wrong in one place, for the checker to find and to shrink. */
import {
  add,
  concat,
  conv2d,
  crossEntropy,
  defineOp,
  detach,
  div,
  exp,
  expand,
  gatherByLabel,
  greater,
  matmul,
  max,
  maximum,
  mean,
  mul,
  neg,
  permute,
  place,
  relu,
  reshape,
  State,
  scale,
  scatterByLabel,
  sigmoid,
  sign,
  slice,
  softmax,
  sqrt,
  square,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  transpose,
  variance,
} from '../../core/index.ts';
import type { CheckInput } from '../../testing/index.ts';
import { withGradient } from './wrongly.ts';

export interface PlantedFault {
  readonly what: string;
  readonly formula: (...inputs: Tensor[]) => Tensor;
  readonly inputs: readonly CheckInput[];
  /** Elements of all inputs together in the smallest case. */
  readonly smallest: number;
  /** 2 where the first derivatives are right. */
  readonly order?: 2;
  readonly parameters?: readonly State[];
}

const positive = (shape: readonly number[]): CheckInput => ({
  shape,
  values: (own) => Float64Array.from({ length: own.reduce((a, b) => a * b, 1) }, (_, k) => 0.7 + ((k * 0.37) % 1)),
});
const labels = (count: number): CheckInput => ({
  shape: [count],
  differentiable: false,
  values: ([own]) => Float64Array.from({ length: own! }, (_, k) => k % 2),
});

/** Element by element. */
const POINTWISE: readonly PlantedFault[] = [
  {
    what: 'a sign: sub',
    formula: withGradient(
      (a, b) => sub(a!, b!),
      (dy) => [dy, dy],
    ),
    inputs: [
      [4, 6],
      [4, 6],
    ],
    smallest: 2,
  },
  {
    what: 'a missing factor: square',
    formula: withGradient(
      (x) => square(x!),
      (dy, [x]) => [mul(dy, x!)],
    ),
    inputs: [[5, 3]],
    smallest: 1,
  },
  {
    what: 'a missing term: swish',
    formula: withGradient(
      (x) => mul(x!, sigmoid(x!)),
      (dy, [x]) => [mul(dy, sigmoid(x!))],
    ),
    inputs: [[2, 3, 4]],
    smallest: 1,
  },
  {
    what: 'a missing square: tanh',
    formula: withGradient(
      (x) => tanh(x!),
      (dy, _, y) => [sub(dy, mul(dy, y))],
    ),
    inputs: [[7]],
    smallest: 1,
  },
  {
    what: 'a missing square: div by its second input',
    formula: withGradient(
      (a, b) => div(a!, b!),
      (dy, [a, b]) => [div(dy, b!), neg(div(mul(dy, a!), b!))],
    ),
    inputs: [[4, 5], positive([4, 5])],
    smallest: 2,
  },
  {
    what: 'the gradient to the wrong input: mul',
    formula: withGradient(
      (a, b) => mul(a!, b!),
      (dy, [a, b]) => [mul(dy, a!), mul(dy, b!)],
    ),
    inputs: [
      [4, 5],
      [4, 5],
    ],
    smallest: 2,
  },
  {
    what: 'a mask of the wrong tensor: relu by dy',
    formula: withGradient(
      (x) => relu(x!),
      (dy) => [mul(dy, greater(dy, 0))],
    ),
    inputs: [[6, 6]],
    smallest: 2,
  },
  {
    what: 'a mask the wrong way round: maximum',
    formula: withGradient(
      (a, b) => maximum(a!, b!),
      (dy, [a, b]) => [mul(dy, greater(b!, a!)), mul(dy, greater(a!, b!))],
    ),
    inputs: [
      [3, 4],
      [3, 4],
    ],
    smallest: 2,
  },
  {
    what: 'a step counted as a slope: sign',
    formula: withGradient(
      (x) => sign(x!),
      (dy) => [dy],
    ),
    inputs: [[9]],
    smallest: 1,
  },
  {
    what: 'no gradient where there is one: mul',
    formula: withGradient(
      (a, b) => mul(a!, b!),
      (dy, [, b]) => [mul(dy, b!), null],
    ),
    inputs: [[8], [8]],
    smallest: 2,
  },
  {
    what: 'a factor left out: dropout with a fixed mask',
    formula: withGradient(
      (x, mask) => scale(mul(x!, mask!), 2),
      (dy, [, mask]) => [mul(dy, mask!), null],
    ),
    inputs: [
      [6, 4],
      { shape: [6, 4], differentiable: false, values: (own) => new Float64Array(own.reduce((a, b) => a * b, 1)).fill(1) },
    ],
    smallest: 2,
  },
];

/** Sums, shapes and indices. */
const MOVEMENT: readonly PlantedFault[] = [
  {
    what: 'a broadcast not summed',
    formula: withGradient(
      (x, bias) => add(x!, bias!),
      (dy) => [dy, dy],
    ),
    inputs: [[4, 6], [6]],
    smallest: 3,
  },
  {
    what: 'a broadcast summed over the wrong axis',
    formula: withGradient(
      (x, bias) => add(x!, bias!),
      (dy) => [dy, sum(dy, [1])],
    ),
    inputs: [[5, 5], [5]],
    smallest: 6,
  },
  {
    what: 'a transposed index: transpose',
    formula: withGradient(
      (x) => transpose(x!),
      (dy) => [reshape(dy, [dy.shape[1]!, dy.shape[0]!])],
    ),
    inputs: [[4, 6]],
    smallest: 4,
  },
  {
    what: 'a transposed factor: matmul',
    formula: withGradient(
      (a, b) => matmul(a!, b!),
      (dy, [a, b]) => [matmul(dy, b!), matmul(a!, dy, { transposeA: true })],
    ),
    inputs: [
      [6, 4],
      [4, 4],
    ],
    smallest: 6,
  },
  {
    what: 'a wrong stride: every second element',
    formula: withGradient(
      (x) => slice(x!, [{ step: 2 }]),
      (dy, [x]) => [place(dy, { start: [0], step: [1], shape: x!.shape })],
    ),
    inputs: [[12]],
    smallest: 3,
  },
  {
    what: 'off by one: running sums',
    formula: withGradient(runningSum, (dy) => [sub(runningSumBack(dy), dy)]),
    inputs: [[9]],
    smallest: 1,
  },
  {
    what: 'a running sum the wrong way',
    formula: withGradient(runningSum, (dy) => [runningSum(dy)]),
    inputs: [[9]],
    smallest: 2,
  },
  {
    what: 'a mean with the wrong count',
    formula: withGradient(
      (x) => mean(x!, [1]),
      (dy, [x]) => [expand(scale(reshape(dy, [x!.shape[0]!, 1]), 1 / x!.shape[0]!), x!.shape)],
    ),
    inputs: [[4, 6]],
    smallest: 2,
  },
  {
    what: 'pieces swapped: concat',
    formula: withGradient(
      (a, b) => concat([a!, b!], 0),
      (dy, [a]) => [slice(dy, [{ start: a!.shape[0]! }]), slice(dy, [{ stop: a!.shape[0]! }])],
    ),
    inputs: [
      [5, 2],
      [5, 2],
    ],
    smallest: 2,
  },
  {
    what: 'off by one class: gather',
    formula: withGradient(
      (x, label) => gatherByLabel(x!, label!),
      (dy, [x, label]) => [scatterByLabel(dy, sub(1, label!), x!.shape[1]!), null],
    ),
    inputs: [[6, 2], labels(6)],
    smallest: 3,
  },
  {
    what: 'the gradient of max spread over all',
    formula: withGradient(
      (x) => max(x!, [1]),
      (dy, [x]) => [expand(reshape(dy, [x!.shape[0]!, 1]), x!.shape)],
    ),
    inputs: [[4, 5]],
    smallest: 2,
  },
];

/** x0, x0 + x1, x0 + x1 + x2, ... */
function runningSum(x: Tensor | undefined): Tensor {
  return runningSums(x!);
}
const runningSums = defineOp({
  name: 'running sum',
  inputs: ['x'],
  shape: ([x]) => x,
  reference({ inputs: [x], output }) {
    let total = 0;
    for (let k = 0; k < output.length; k++) output[k] = total += x[k]!;
  },
  gradient: ({ dy }) => [() => runningSumBack(dy)],
});
function runningSumBack(dy: Tensor): Tensor {
  return slice(runningSum(slice(dy, [{ step: -1 }])), [{ step: -1 }]);
}

const standardised = (x: Tensor): Tensor => div(sub(x, mean(x, [0], true)), sqrt(add(variance(x, [0]), 0.1)));

const wide = (x: Tensor): Tensor => sqrt(add(variance(x, [0]), 0.1));

/** Statistics, losses, convolutions. */
const LAYERS: readonly PlantedFault[] = [
  {
    what: 'a stale statistic: the mean held still',
    formula: (x) => div(sub(x!, detach(mean(x!, [0], true))), sqrt(add(variance(x!, [0]), 0.1))),
    inputs: [[5, 3]],
    smallest: 1,
  },
  {
    what: 'a stale statistic: the variance held still',
    formula: (x) => div(sub(x!, mean(x!, [0], true)), detach(wide(x!))),
    inputs: [[5, 3]],
    smallest: 2,
  },
  {
    what: 'batch norm: the term of the variance missing',
    formula: withGradient(
      (x) => standardised(x!),
      (dy, [x]) => [div(sub(dy, mean(dy, [0], true)), wide(x!))],
    ),
    inputs: [[5, 3]],
    smallest: 2,
  },
  {
    what: 'batch norm: gamma forgotten in the gradient of x',
    formula: withGradient(
      (x, gamma) => mul(standardised(x!), gamma!),
      (dy, [x, gamma], y) => {
        const z = div(y, gamma!);
        return [div(sub(sub(dy, mean(dy, [0], true)), mul(z, mean(mul(dy, z), [0], true))), wide(x!)), sum(mul(dy, z), [0])];
      },
    ),
    inputs: [[4, 3], positive([3])],
    smallest: 3,
  },
  {
    what: 'variance: n - 1 for n',
    formula: withGradient(
      (x) => variance(x!, [0]),
      (dy, [x]) => [scale(mul(dy, sub(x!, mean(x!, [0], true))), 2 / Math.max(1, x!.shape[0]! - 1))],
    ),
    inputs: [[6, 2]],
    smallest: 2,
  },
  {
    what: 'softmax: the sum left out',
    formula: withGradient(
      (x) => softmax(x!),
      (dy, _, y) => [mul(dy, y)],
    ),
    inputs: [[4, 5]],
    smallest: 1,
  },
  {
    what: 'cross entropy: not divided by the batch',
    formula: withGradient(
      (x, label) => crossEntropy(x!, label!),
      (dy, [x, label]) => {
        const one = scatterByLabel(expand(dy, [x!.shape[0]!]), label!, x!.shape[1]!);
        return [sub(mul(softmax(x!), dy), one), null];
      },
    ),
    inputs: [[6, 3], labels(6)],
    smallest: 6,
  },
  {
    what: 'conv2d: kernels not flipped',
    formula: withGradient(
      (x, w) => conv2d(x!, w!, { padding: 1 }),
      (dy, [x, w]) => [conv2d(dy, swapped(w!), { padding: 1 }), conv2dWeight(x!, dy)],
    ),
    inputs: [
      [1, 2, 5, 5],
      [2, 2, 3, 3],
    ],
    smallest: 20,
  },
  {
    what: 'conv2d: padding off by one',
    formula: withGradient(
      (x, w) => conv2d(x!, w!),
      (dy, [x, w]) => [conv2d(conv2d(dy, turned(w!), { padding: 2 }), delta(x!), { padding: 1 }), conv2dWeight(x!, dy, 0)],
    ),
    inputs: [
      [1, 1, 5, 5],
      [1, 1, 3, 3],
    ],
    smallest: 18,
  },
];

/** [o, c, i, j] -> [c, o, i, j] */
function swapped(w: Tensor): Tensor {
  return permute(w, [1, 0, 2, 3]);
}
/** Swapped, and both kernel axes the other way round: the kernels of the input's gradient. */
function turned(w: Tensor): Tensor {
  return slice(swapped(w), [undefined, undefined, { step: -1 }, { step: -1 }]);
}
/** A kernel that moves a picture by one column. */
function delta(x: Tensor): Tensor {
  const channels = x.shape[1]!;
  return tensor(
    Float64Array.from({ length: channels * channels * 9 }, (_, k) =>
      Number(k % 9 === 3 && Math.floor(k / 9) % (channels + 1) === 0),
    ),
    [channels, channels, 3, 3],
  );
}
/** The gradient of the weight as a convolution of x with dy. */
function conv2dWeight(x: Tensor, dy: Tensor, padding = 1): Tensor {
  return swapped(conv2d(swapped(x), swapped(dy), { padding }));
}

const scaleState = new State([1, 1, 1], { label: 'scale', trainable: true });
const tied = new State(
  [
    [1, 0.5],
    [0.5, 1],
  ],
  { label: 'tied', trainable: true },
);
const block = new State(
  [
    [1, 0.5],
    [0.5, 1],
  ],
  { label: 'block', trainable: true },
);

/** Modules: the gradients by their parameters too. */
const MODULES: readonly PlantedFault[] = [
  {
    what: 'a parameter read past the tape',
    formula: (x) => mul(x!, detach(scaleState.read())),
    inputs: [[4, 3]],
    parameters: [scaleState],
    smallest: 6,
  },
  {
    what: 'tied weights: one use forgotten',
    formula: (x) => matmul(relu(matmul(x!, tied.read())), detach(tied.read())),
    inputs: [[4, 2]],
    parameters: [tied],
    smallest: 6,
  },
  {
    what: 'a residual block: the shortcut has no gradient',
    formula: (x) => relu(add(matmul(x!, block.read()), detach(x!))),
    inputs: [[4, 2]],
    parameters: [block],
    smallest: 6,
  },
];

const wrongSquare = withGradient(
  (x) => square(x!),
  (dy, [x]) => [mul(dy, x!)],
);

/** Right first derivatives whose own gradients are wrong. */
const SECOND: readonly PlantedFault[] = [
  {
    what: 'second order: the derivative of exp held still',
    order: 2,
    formula: withGradient(
      (x) => exp(x!),
      (dy, _, y) => [mul(dy, y)],
    ),
    inputs: [[6]],
    smallest: 1,
  },
  {
    what: 'second order: x^3 by a square with a wrong gradient',
    order: 2,
    formula: withGradient(
      (x) => mul(x!, square(x!)),
      (dy, [x]) => [scale(mul(dy, wrongSquare(x!)), 3)],
    ),
    inputs: [[2, 5]],
    smallest: 1,
  },
  {
    what: 'second order: dy held still',
    order: 2,
    formula: withGradient(
      (a, b) => mul(a!, b!),
      (dy, [a, b]) => [mul(detach(dy), b!), mul(dy, detach(a!))],
    ),
    inputs: [[4], [4]],
    smallest: 2,
  },
];

export const FAULTS = [...POINTWISE, ...MOVEMENT, ...LAYERS, ...MODULES, ...SECOND];
