/** resnet20 on TensorFlow.js: what the two peers on it share. Activations are NHWC, kernels HWIO. */
import * as tf from '@tensorflow/tfjs';
import { BLOCKS, CLASSES, CONVOLUTIONS, kernelScale, labelsOf, SIDE, values } from './network.mjs';

const variable = (data, shape) => tf.variable(tf.tensor(data, shape));

export function makeParameters() {
  return {
    layers: CONVOLUTIONS.map(({ from, to }) => ({
      weight: variable(values(9 * from * to, kernelScale(from)), [3, 3, from, to]),
      gamma: tf.variable(tf.ones([to])),
      beta: tf.variable(tf.zeros([to])),
    })),
    weight: variable(values(64 * CLASSES, 0.1), [64, CLASSES]),
    bias: tf.variable(tf.zeros([CLASSES])),
  };
}

export function imagesOf(batch) {
  return tf.tensor(values(batch * SIDE * SIDE * 3), [batch, SIDE, SIDE, 3]);
}

export function batchNorm(x, { gamma, beta }) {
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  return tf.batchNorm(x, mean, variance, beta, gamma, 1e-5);
}

function shortcut(x, { from, to }) {
  if (from === to) return x;
  const half = tf.avgPool(x, 1, 2, 'valid'); // every second pixel, by an op that has a gradient here
  return tf.pad(half, [
    [0, 0],
    [0, 0],
    [0, 0],
    [from / 2, from / 2],
  ]);
}

export function forward({ layers, weight, bias }, images) {
  const layer = (k, x, stride) => batchNorm(tf.conv2d(x, layers[k].weight, stride, stride === 1 ? 'same' : 1), layers[k]);
  let x = tf.relu(layer(0, images, 1));
  BLOCKS.forEach((block, k) => {
    const inner = tf.relu(layer(2 * k + 1, x, block.stride));
    x = tf.relu(tf.add(layer(2 * k + 2, inner, 1), shortcut(x, block)));
  });
  return tf.add(tf.matMul(tf.mean(x, [1, 2]), weight), bias);
}

/** A training step, to be called again and again. */
export function makeStep(batch) {
  const parameters = makeParameters();
  const images = imagesOf(batch);
  const targets = tf.oneHot(tf.tensor1d(labelsOf(batch), 'int32'), CLASSES);
  const optimizer = tf.train.momentum(0.01, 0.9);
  return async () => {
    const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(targets, forward(parameters, images)), true);
    const [result] = await loss.data();
    loss.dispose();
    if (!Number.isFinite(result)) throw new Error(`the loss is ${result}`);
  };
}
