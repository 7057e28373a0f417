/** A training step of resnet20 on @jax-js/jax, one thread. Usage: jax.mjs BATCH STEPS */
import { defaultDevice, init } from '@jax-js/jax';
import { makeStep } from './jaxNetwork.mjs';
import { median, report } from './network.mjs';

const [batch, steps] = process.argv.slice(2).map(Number);
await init('wasm');
defaultDevice('wasm');
const step = makeStep(batch);
const times = [];
for (let k = 0; k < steps + 1; k++) {
  const started = performance.now();
  await step();
  if (k > 0) times.push(performance.now() - started);
}
report(batch, median(times));
