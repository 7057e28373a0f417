/** The rows of tapegrad: what `worker.ts` times. */
import { batchNorm, conv2d, matmul, type Tensor, tensor, useDevice } from '../../core/index.ts';
import { trainingStep } from '../trainingStep.ts';
import { CHAIN, type RowOrder, type Work } from './rows.ts';

export async function prepare({ device, threads, work }: RowOrder): Promise<() => Promise<void>> {
  if (device === 'webgpu') await useDevice('webgpu');
  else await useDevice('simd', threads === undefined ? {} : { threads });
  return work.kind === 'step' ? trainingStep('resnet20', work.batch, work.side).step : chain(work);
}

/** Values between -scale and scale. */
function values(shape: readonly number[], scale = 1): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  return tensor(
    Float32Array.from({ length: size }, (_, k) => scale * Math.sin(12.9898 * k + 1)),
    shape,
  );
}

function chain(work: Work): () => Promise<void> {
  const [start, layer] = layerOf(work);
  return async () => {
    let x = start;
    for (let k = 0; k < CHAIN; k++) x = layer(x);
    const [first] = await x.data();
    if (!Number.isFinite(first)) throw new Error(`the result is ${first}`);
  };
}

function layerOf({ kind, batch, channels, side }: Work): readonly [Tensor, (x: Tensor) => Tensor] {
  if (kind === 'product') {
    const weight = values([side, side], 1 / Math.sqrt(side));
    return [values([side, side]), (x) => matmul(x, weight)];
  }
  const image = values([batch, channels, side, side]);
  if (kind === 'convolution') {
    const weight = values([channels, channels, 3, 3], 1 / Math.sqrt(9 * channels));
    return [image, (x) => conv2d(x, weight, { padding: 1 })];
  }
  const [gamma, beta] = [values([channels]), values([channels])];
  return [image, (x) => batchNorm(x, gamma, beta).output];
}
