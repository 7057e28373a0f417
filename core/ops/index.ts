/** Every op that users call; adding an op adds a line here. */
export { type AvgPool2dOptions, avgPool2d, globalAvgPool2d } from './avgPool2d/avgPool2d.ts';
export { type BatchNormOptions, batchNorm, batchNormEvaluate } from './batchNorm/batchNorm.ts';
export { concat, stack } from './concat/concat.ts';
export { type Conv2dOptions, conv2d } from './conv2d/conv2d.ts';
export type { ConvAlgorithm, Pair } from './conv2d/geometry.ts';
export { type CrossEntropyOptions, crossEntropy } from './crossEntropy/crossEntropy.ts';
export { type DropoutOptions, dropout, dropoutMask } from './dropout/dropout.ts';
export { gatherByLabel, scatterByLabel } from './gather/gather.ts';
export { logSoftmax, softmax } from './logSoftmax/logSoftmax.ts';
export { type MatmulOptions, matmul } from './matmul/matmul.ts';
export { type MaxPool2dOptions, maxPool2d } from './maxPool2d/maxPool2d.ts';
export { permute, transpose } from './permute/permute.ts';
export { div, exp, log, neg, pow, scale, sigmoid, sqrt, square, sub, tanh } from './pointwise/arithmetic.ts';
export {
  abs,
  clamp,
  equal,
  greater,
  greaterEqual,
  less,
  lessEqual,
  maximum,
  minimum,
  notEqual,
  relu,
  sign,
  where,
} from './pointwise/piecewise.ts';
export { add, expand, fill, mul, ones, zeros } from './pointwise/pointwise.ts';
export { max, mean, variance } from './reduce/statistics.ts';
export { type Axes, sum } from './reduce/sum.ts';
export { detach, flatten, reshape } from './reshape/reshape.ts';
export { type SgdOptions, sgdMomentum, sgdNesterov, sgdStep } from './sgd/sgd.ts';
export { pad } from './slice/pad.ts';
export type { Range } from './slice/ranges.ts';
export { type PlaceOptions, place, slice } from './slice/slice.ts';
