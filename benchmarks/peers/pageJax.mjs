/** The rows of @jax-js/jax in the bench's page. */
import { defaultDevice, init, jit, lax, numpy as np } from '@jax-js/jax';
import { array, batchNorm, makeStep } from './jaxNetwork.mjs';

/** Resolves to the work, which may be called again and again. */
export async function prepare(device, work, chain) {
  const available = await init(device);
  if (!available.includes(device)) throw new Error(`jax-js finds no device ${device} here`);
  defaultDevice(device);
  if (work.kind === 'step') return makeStep(work.batch);
  const [start, layer] = layerOf(work);
  const chained = jit((x) => {
    for (let k = 0; k < chain; k++) x = layer(x);
    return x;
  });
  return async () => {
    const [first] = await chained(start.ref).data();
    if (!Number.isFinite(first)) throw new Error(`the result is ${first}`);
  };
}

/** Layouts as jax-js's own operations want them: images before channels. */
function layerOf({ kind, batch, channels, side }) {
  if (kind === 'product') {
    const weight = array(side * side, [side, side], 1 / Math.sqrt(side));
    return [array(side * side, [side, side], 1), (x) => np.matmul(x, weight.ref)];
  }
  const size = batch * channels * side * side;
  if (kind === 'convolution') {
    const weight = array(channels * channels * 9, [channels, channels, 3, 3], 1 / Math.sqrt(9 * channels));
    return [array(size, [batch, channels, side, side], 1), (x) => lax.conv(x, weight.ref, [1, 1], 'SAME')];
  }
  const [gamma, beta] = [array(channels, [channels], 1), array(channels, [channels], 1)];
  return [array(size, [batch, side, side, channels], 1), (x) => batchNorm(x, gamma.ref, beta.ref)];
}
