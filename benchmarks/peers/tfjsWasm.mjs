/** resnet20 forward on @tensorflow/tfjs-backend-wasm, one thread. Usage: tfjsWasm.mjs BATCH STEPS */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { median, report } from './network.mjs';
import { forward, imagesOf, makeParameters } from './tfjsNetwork.mjs';

const [batch, steps] = process.argv.slice(2).map(Number);
setWasmPaths(`${dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'))}/`);
setThreadsCount(1);
await tf.setBackend('wasm');
const parameters = makeParameters();
const images = imagesOf(batch);
const times = [];
for (let k = 0; k < steps + 2; k++) {
  const started = performance.now();
  const logits = tf.tidy(() => forward(parameters, images));
  await logits.data();
  logits.dispose();
  if (k > 1) times.push(performance.now() - started);
}
report(batch, median(times));
