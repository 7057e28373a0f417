/** One training step of resnet20 on @tensorflow/tfjs's cpu backend, after one to warm up. Usage: tfjsCpu.mjs BATCH */
import * as tf from '@tensorflow/tfjs';
import { report } from './network.mjs';
import { makeStep } from './tfjsNetwork.mjs';

const batch = Number(process.argv[2]);
await tf.setBackend('cpu');
const step = makeStep(batch);
await step();
const started = performance.now();
await step();
report(batch, performance.now() - started);
