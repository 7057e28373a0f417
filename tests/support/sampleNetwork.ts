/** A small network that takes one of everything that device simd has: for comparing devices, threads and runtimes. */
import {
  batchNorm,
  conv2d,
  crossEntropy,
  flatten,
  gradient,
  matmul,
  maxPool2d,
  relu,
  type Tensor,
  tensor,
} from '../../core/index.ts';
import { randomArray } from './random.ts';

const random = (shape: readonly number[], seed: number): Tensor => tensor(Float32Array.from(randomArray(shape, seed)), shape);

/** The loss, the logits and every gradient. */
export function sampleNetwork(): Tensor[] {
  const [x, w, v] = [random([4, 3, 12, 12], 1), random([16, 3, 3, 3], 2), random([16, 16, 3, 3], 3)];
  const [gamma, beta, weight] = [random([16], 4), random([16], 5), random([5, 64], 6)];
  const first = relu(batchNorm(conv2d(x, w, { padding: 1 }), gamma, beta).output);
  const pooled = maxPool2d(conv2d(first, v, { padding: 1 }), { kernelSize: 6 });
  const logits = matmul(flatten(pooled), weight, { transposeB: true });
  const loss = crossEntropy(logits, tensor([0, 1, 2, 3]));
  return [loss, logits, ...gradient(loss, [x, w, v, gamma, beta, weight])];
}
