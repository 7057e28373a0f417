/** One training step of resnet20 on @tensorflow/tfjs's cpu backend, after one to warm up. Usage: tfjsCpu.mjs BATCH */
import * as tf from '@tensorflow/tfjs';
import { CLASSES, labelsOf, report } from './network.mjs';
import { forward, imagesOf, makeParameters } from './tfjsNetwork.mjs';

const batch = Number(process.argv[2]);
await tf.setBackend('cpu');
const parameters = makeParameters();
const images = imagesOf(batch);
const targets = tf.oneHot(tf.tensor1d(labelsOf(batch), 'int32'), CLASSES);
const optimizer = tf.train.momentum(0.01, 0.9);
let milliseconds = 0;
for (let k = 0; k < 2; k++) {
  const started = performance.now();
  const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(targets, forward(parameters, images)), true);
  await loss.data();
  milliseconds = performance.now() - started;
}
report(batch, milliseconds);
