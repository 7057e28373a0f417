/** The rows of TensorFlow.js on WebGPU in the bench's page. */
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-webgpu';
import { values } from './network.mjs';
import { batchNorm, makeStep } from './tfjsNetwork.mjs';

/** Resolves to the work, which may be called again and again. */
export async function prepare(work, chain) {
  if (!(await tf.setBackend('webgpu'))) throw new Error('tensorflow.js could not start its webgpu backend here');
  await tf.ready();
  if (work.kind === 'step') return makeStep(work.batch);
  const [start, layer] = layerOf(work);
  return async () => {
    const result = tf.tidy(() => {
      let x = start;
      for (let k = 0; k < chain; k++) x = layer(x);
      return x;
    });
    const [first] = await result.data();
    result.dispose();
    if (!Number.isFinite(first)) throw new Error(`the result is ${first}`);
  };
}

const array = (shape, scale = 1) =>
  tf.tensor(
    values(
      shape.reduce((product, length) => product * length, 1),
      scale,
    ),
    shape,
  );

/** Layouts as TensorFlow.js prefers them: channels last. */
function layerOf({ kind, batch, channels, side }) {
  if (kind === 'product') {
    const weight = array([side, side], 1 / Math.sqrt(side));
    return [array([side, side]), (x) => tf.matMul(x, weight)];
  }
  const images = array([batch, side, side, channels]);
  if (kind === 'convolution') {
    const weight = array([3, 3, channels, channels], 1 / Math.sqrt(9 * channels));
    return [images, (x) => tf.conv2d(x, weight, 1, 'same')];
  }
  const weights = { gamma: array([channels]), beta: array([channels]) };
  return [images, (x) => batchNorm(x, weights)];
}
