/**
 * A training step of resnet20 on @jax-js/jax: im2col and matmul, everything in one jit. What its row of the bench in Node and those of the
 * page share.
 */
import { blockUntilReady, jit, nn, numpy as np, valueAndGrad } from '@jax-js/jax';
import { BLOCKS, CLASSES, CONVOLUTIONS, imageCount, kernelScale, labelsOf, SIDE, values } from './network.mjs';

const [RATE, MOMENTUM, DECAY] = [0.01, 0.9, 1e-4];

// Arrays are consumed by what they are given to; `.ref` keeps one for a further use.

/** x [n, h, w, c], weight [9 c, o] */
function conv(x, weight, stride) {
  const [n, height, width, c] = x.shape;
  const [h, w] = [height / stride, width / stride];
  const padded = np.pad(x, [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ]);
  const taps = [];
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) {
      const tap = padded.ref.slice([], [i, i + height], [j, j + width], []);
      taps.push(stride === 1 ? tap : tap.reshape([n, h, 2, w, 2, c]).slice([], [], 0, [], 0, []));
    }
  }
  padded.dispose();
  const columns = np.concatenate(taps, 3).reshape([n * h * w, 9 * c]);
  return np.matmul(columns, weight).reshape([n, h, w, weight.shape[1]]);
}

/** Over the last axis. */
export function batchNorm(x, gamma, beta) {
  const centred = x.ref.sub(np.mean(x, [0, 1, 2], { keepdims: true }));
  const variance = np.mean(np.square(centred.ref), [0, 1, 2], { keepdims: true });
  return centred
    .div(np.sqrt(variance.add(1e-5)))
    .mul(gamma)
    .add(beta);
}

function shortcut(x, { from, to }) {
  if (from === to) return x;
  const [n, h, w, c] = x.shape;
  const half = x.reshape([n, h / 2, 2, w / 2, 2, c]).slice([], [], 0, [], 0, []);
  return np.pad(half, [
    [0, 0],
    [0, 0],
    [0, 0],
    [from / 2, from / 2],
  ]);
}

function forward({ layers, weight, bias }, images) {
  const layer = (k, x, stride) => batchNorm(conv(x, layers[k].weight, stride), layers[k].gamma, layers[k].beta);
  let x = nn.relu(layer(0, images, 1));
  BLOCKS.forEach((block, k) => {
    const inner = nn.relu(layer(2 * k + 1, x.ref, block.stride));
    x = nn.relu(layer(2 * k + 2, inner, 1).add(shortcut(x, block)));
  });
  return np.matmul(np.mean(x, [1, 2]), weight).add(bias);
}

function loss(parameters, images, targets) {
  return np.mean(np.sum(nn.logSoftmax(forward(parameters, images)).mul(targets), 1)).neg();
}

export const array = (size, shape, scale) => np.array(values(size, scale), { shape });

const shaped = (list) => ({
  layers: CONVOLUTIONS.map((_, k) => ({ weight: list[3 * k], gamma: list[3 * k + 1], beta: list[3 * k + 2] })),
  weight: list.at(-2),
  bias: list.at(-1),
});

function update(list, momenta, images, targets) {
  const [value, slopes] = valueAndGrad((each) => loss(shaped(each), images, targets))(list.map((each) => each.ref));
  const moved = momenta.map((momentum, k) => momentum.mul(MOMENTUM).add(slopes[k].add(list[k].ref.mul(DECAY))));
  return [value, list.map((each, k) => each.sub(moved[k].ref.mul(RATE))), moved];
}

/** The step, to be called again and again, on the device that is the default when this is called. */
export function makeStep(batch) {
  const step = jit(update);
  const layers = CONVOLUTIONS.flatMap(({ from, to }) => [
    array(9 * from * to, [9 * from, to], kernelScale(from)),
    np.ones([to]),
    np.zeros([to]),
  ]);
  let list = [...layers, array(64 * CLASSES, [64, CLASSES], 0.1), np.zeros([CLASSES])];
  let momenta = list.map((each) => np.zeros(each.shape));
  const images = array(imageCount(batch), [batch, SIDE, SIDE, 3], 1);
  const targets = nn.oneHot(np.array(labelsOf(batch)), CLASSES);
  return async () => {
    const [value, ...next] = step(list, momenta, images.ref, targets.ref);
    [list, momenta] = next;
    await blockUntilReady(list);
    const [result] = await value.data();
    if (!Number.isFinite(result)) throw new Error(`the loss is ${result}`);
  };
}
