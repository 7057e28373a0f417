/**
 * 2-D convolution (cross-correlation, as in every deep-learning framework) and its two gradients, three ops closed under
 * differentiation:
 *
 *     conv2d          y[n,o,y,x]  = sum_{c,i,j}  x[n, c, y s + i d - p, x s + j d - p] w[o,c,i,j]
 *     input gradient  dx[n,c,h,w] = sum_{o,i,j : y s + i d - p = h, ...}  dy[n,o,y,x] w[o,c,i,j]
 *     weight gradient dw[o,c,i,j] = sum_{n,y,x}  x[n, c, y s + i d - p, ...] dy[n,o,y,x]
 *
 * All three are the same sum of products x * w * dy over different letters, so the gradient of each by one operand is one of the
 * others. Zero padding p on every side, stride s, dilation d; with groups, o sees only its own group's channels c.
 */
import { type Op, record } from '../../op.ts';
import { formatShape, type Shape, ShapeError, sameShape } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { type ConvAlgorithm, type ConvOptions, forEachProduct, geometryOf, type Pair } from './geometry.ts';
import { forwardProgram, inputGradientProgram, weightGradientProgram } from './gpu.ts';
import { activationLayout, forwardSimd, inputGradientSimd, weightGradientLayout, weightGradientSimd } from './simd.ts';

/** Options of conv2d; a number stands for both axes. */
export interface Conv2dOptions {
  /** Rows and columns from one window to the next; 1 by default. */
  readonly stride?: number | Pair;
  /** Zeros on every side of the input; 0 by default. */
  readonly padding?: number | Pair;
  /** Rows and columns of the input from one element of the kernel to the next; 1 by default. */
  readonly dilation?: number | Pair;
  /** Output channels of group g see the c / groups input channels of group g only; 1 by default, so all. */
  readonly groups?: number;
  /**
   * `auto`, the default, or `direct`, which forgoes Winograd's algorithm on device simd: slower, and without its rounding errors
   * of about 1e-5 max |y|.
   */
  readonly algorithm?: ConvAlgorithm;
}

type InputGradientOptions = ConvOptions & { readonly inputSize: Pair };
type WeightGradientOptions = ConvOptions & { readonly kernelSize: Pair };

const conv2dOp: Op<ConvOptions> = {
  name: 'conv2d',
  inputs: ['input', 'weight'],
  shape: ([input, weight], options) => {
    const { n, o, y, x } = geometryOf(input!, weight!, options);
    return [n, o, y, x];
  },
  reference: ({ inputs: [input, weight], output, shapes, options }) => {
    output.fill(0);
    forEachProduct(geometryOf(shapes[0]!, shapes[1]!, options), (out, at, tap) => {
      output[out]! += input![at]! * weight![tap]!;
    });
  },
  gradient: ({ inputs: [input, weight], dy, options }) => [
    () => conv2dInputGradient(dy, weight!, input!.shape, options),
    () => conv2dWeightGradient(input!, dy, weight!.shape, options),
  ],
  gpu: ({ shapes, options }) => forwardProgram(geometryOf(shapes[0]!, shapes[1]!, options)),
  simd: ({ shapes, options }) => forwardSimd(geometryOf(shapes[0]!, shapes[1]!, options)),
  layout: activationLayout,
};

const inputGradientOp: Op<InputGradientOptions> = {
  name: 'conv2dInputGradient',
  inputs: ['dy', 'weight'],
  shape: ([dy, weight], options) => {
    const input = inputShape(dy!, weight!, options);
    checkGradientShape('conv2dInputGradient', dy!, input, weight!, options);
    return input;
  },
  reference: ({ inputs: [dy, weight], output, shapes, outputShape, options }) => {
    output.fill(0);
    forEachProduct(geometryOf(outputShape, shapes[1]!, options), (out, at, tap) => {
      output[at]! += dy![out]! * weight![tap]!;
    });
  },
  gradient: ({ inputs: [dy, weight], dy: ddx, options }) => [
    () => record(conv2dOp, [ddx, weight!], plain(options)),
    () => conv2dWeightGradient(ddx, dy!, weight!.shape, options),
  ],
  gpu: ({ shapes, outputShape, options }) => inputGradientProgram(geometryOf(outputShape, shapes[1]!, options)),
  simd: ({ shapes, outputShape, options }) => inputGradientSimd(geometryOf(outputShape, shapes[1]!, options)),
  layout: activationLayout,
};

const weightGradientOp: Op<WeightGradientOptions> = {
  name: 'conv2dWeightGradient',
  inputs: ['input', 'dy'],
  shape: ([input, dy], options) => {
    const weight = weightShape(input!, dy!, options);
    checkGradientShape('conv2dWeightGradient', dy!, input!, weight, options);
    return weight;
  },
  reference: ({ inputs: [input, dy], output, shapes, outputShape, options }) => {
    output.fill(0);
    forEachProduct(geometryOf(shapes[0]!, outputShape, options), (out, at, tap) => {
      output[tap]! += input![at]! * dy![out]!;
    });
  },
  gradient: ({ inputs: [input, dy], dy: ddw, options }) => [
    () => conv2dInputGradient(dy!, ddw, input!.shape, options),
    () => record(conv2dOp, [input!, ddw], plain(options)),
  ],
  gpu: ({ shapes, outputShape, options }) => weightGradientProgram(geometryOf(shapes[0]!, outputShape, options)),
  simd: ({ shapes, outputShape, options }) => weightGradientSimd(geometryOf(shapes[0]!, outputShape, options)),
  layout: weightGradientLayout,
};

function inputShape(dy: Shape, weight: Shape, { inputSize, groups }: InputGradientOptions): Shape {
  return [dy[0]!, weight[1]! * groups, ...inputSize];
}

function weightShape(input: Shape, dy: Shape, { kernelSize, groups }: WeightGradientOptions): Shape {
  return [dy[1]!, input[1]! / groups, ...kernelSize];
}

function checkGradientShape(op: string, dy: Shape, input: Shape, weight: Shape, options: ConvOptions): void {
  const { n, o, y, x } = geometryOf(input, weight, plain(options));
  if (!sameShape(dy, [n, o, y, x]))
    throw new ShapeError(op, `dy has shape ${formatShape(dy)} but the convolution gives ${formatShape([n, o, y, x])}`, [
      dy,
      input,
      weight,
    ]);
}

function plain({ stride, padding, dilation, groups, algorithm = 'auto' }: ConvOptions): ConvOptions {
  return { stride, padding, dilation, groups, algorithm };
}

/**
 * y = x * w: [n, c, h, w] with [o, c / groups, i, j] gives [n, o, y, x], y = floor((h + 2 padding - dilation (i - 1) - 1) / stride) + 1.
 * Throws a ShapeError when channels, groups or sizes do not fit, or an option is not a whole number in range.
 */
export function conv2d(input: Tensor, weight: Tensor, options: Conv2dOptions = {}): Tensor {
  return record(conv2dOp, [input, weight], {
    stride: pair('stride', options.stride ?? 1, 1),
    padding: pair('padding', options.padding ?? 0, 0),
    dilation: pair('dilation', options.dilation ?? 1, 1),
    groups: pair('groups', options.groups ?? 1, 1)[0],
    algorithm: algorithmOf(options.algorithm ?? 'auto'),
  });
}

/** dx for given dy and weight; `inputShape` is needed because several input sizes give the same output size. */
export function conv2dInputGradient(dy: Tensor, weight: Tensor, input: Shape, options: ConvOptions): Tensor {
  return record(inputGradientOp, [dy, weight], { ...plain(options), inputSize: [input[2]!, input[3]!] });
}

/** dw for given input and dy. */
export function conv2dWeightGradient(input: Tensor, dy: Tensor, weight: Shape, options: ConvOptions): Tensor {
  return record(weightGradientOp, [input, dy], { ...plain(options), kernelSize: [weight[2]!, weight[3]!] });
}

function algorithmOf(algorithm: ConvAlgorithm): ConvAlgorithm {
  if (algorithm === 'auto' || algorithm === 'direct') return algorithm;
  throw new ShapeError('conv2d', `algorithm ${JSON.stringify(algorithm)} given; it needs to be 'auto' or 'direct'`);
}

function pair(name: string, value: number | Pair, least: number): Pair {
  const both: Pair = typeof value === 'number' ? [value, value] : value;
  if (both.length === 2 && both.every((part) => Number.isInteger(part) && part >= least)) return both;
  throw new ShapeError(
    'conv2d',
    `${name} ${JSON.stringify(value)} given; it needs to be a whole number of at least ${least}, or a pair of them`,
  );
}
