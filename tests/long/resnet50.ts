/**
 * One step of resnet50 at 64 x 64, batch 2, on every device against the reference: the loss within 1e-4, and the gradient of all
 * parameters pointing the same way. It takes minutes, so it is a script: `npm run check:resnet50 [device ...]`.
 */
import { type DeviceName, tensor, useDevice } from 'tapegrad';
import { resnet50 } from 'tapegrad/models';
import { crossEntropy } from 'tapegrad/nn';
import { randomArray } from '../support/random.ts';
import { restartWithSwiftShader } from '../support/swiftshader.ts';

const LOSS_TOLERANCE = 1e-4;
const LEAST_COSINE = 0.999;

interface Step {
  readonly loss: number;
  readonly gradient: Float64Array;
}

async function step(device: DeviceName): Promise<Step> {
  await useDevice(device);
  const model = resnet50({ seed: 3, classes: 10 });
  const images = tensor(Float32Array.from(randomArray([2, 3, 64, 64], 1)), [2, 3, 64, 64]);
  const loss = crossEntropy(model.forward(images), tensor([4, 7]));
  loss.backward();
  const gradients = await Promise.all(model.parameters().map((parameter) => parameter.grad!.data()));
  return { loss: await loss.item(), gradient: Float64Array.from(gradients.flatMap((part) => [...part])) };
}

function cosineOf(a: Float64Array, b: Float64Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let k = 0; k < a.length; k++) {
    ab += a[k]! * b[k]!;
    aa += a[k]! ** 2;
    bb += b[k]! ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

restartWithSwiftShader();
const chosen = process.argv.slice(2) as DeviceName[];
const expected = await step('reference');
console.log(`reference: loss ${expected.loss}, ${expected.gradient.length} gradients`);
for (const device of chosen.length > 0 ? chosen : (['simd', 'cpu', 'webasm', 'webgpu'] as const)) {
  const started = performance.now();
  const { loss, gradient } = await step(device);
  const error = Math.abs(loss / expected.loss - 1);
  const cosine = cosineOf(gradient, expected.gradient);
  const good = error < LOSS_TOLERANCE && cosine >= LEAST_COSINE;
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `${device}: loss ${loss} (relative error ${error.toExponential(1)}), cosine ${cosine.toFixed(7)}, ${seconds} s: ${good ? 'good' : 'WRONG'}`,
  );
  if (!good) process.exitCode = 1;
}
