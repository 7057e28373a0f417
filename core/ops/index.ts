/** Every op that users call; adding an op adds a line here. */
export { type Conv2dOptions, conv2d } from './conv2d/conv2d.ts';
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
export { sum } from './reduce/sum.ts';
export { detach, flatten, reshape } from './reshape/reshape.ts';
