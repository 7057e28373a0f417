/**
 * `npm run check:endurance [device ...]`: 10,000 steps and 1,000 different plans leave memory flat on every device, and tensors just under and
 * over 2^24 elements are computed or refused by a sentence. It takes minutes, so it is a script.
 */
import { currentDevice } from '../../core/devices/current.ts';
import { SimdDevice } from '../../core/devices/simd/device.ts';
import { add, crossEntropy, type DeviceName, relu, sum, tensor, useDevice } from '../../core/index.ts';
import { Linear, ReLU, Sequential } from '../../nn/index.ts';
import { SGD } from '../../optim/index.ts';
import { restartWithSwiftShader } from '../support/swiftshader.ts';

const STEPS = 10_000;
const PLANS = 1000;
/** More than any cache holds. */
const CACHED = 1200;
/** In MiB: 10,000 kept nodes would be tens. */
const GROWTH = 12;
const EDGE = 2 ** 24;

/** Heap, arrays outside of it and the engine's memory, in MiB. */
async function memory(): Promise<number> {
  for (let k = 0; k < 3; k++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  const device = await currentDevice();
  const engine = device instanceof SimdDevice ? device.memory.memory.buffer.byteLength : 0;
  return (heapUsed + arrayBuffers + engine) / 2 ** 20;
}

async function steps(): Promise<string> {
  const model = new Sequential(new Linear(8, 16), new ReLU(), new Linear(16, 3));
  const optimizer = new SGD(model.parameters(), { learningRate: 0.01, momentum: 0.9 });
  const images = Float32Array.from({ length: 32 }, (_, k) => Math.sin(k));
  const step = async (): Promise<void> => {
    const loss = crossEntropy(model.forward(tensor(images, [4, 8])), tensor([0, 1, 2, 0]));
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    await loss.item();
  };
  for (let k = 0; k < STEPS / 10; k++) await step();
  const before = await memory();
  for (let k = 0; k < STEPS; k++) await step();
  return grown(`${STEPS} steps`, before, await memory());
}

async function plans(): Promise<string> {
  const run = async (length: number): Promise<void> => {
    await relu(add(tensor(new Float32Array(length)), 1)).data();
  };
  for (let k = 1; k <= CACHED; k++) await run(k); // now every cache is full
  const before = await memory();
  for (let k = 1; k <= PLANS; k++) await run(CACHED + k);
  return grown(`${PLANS} plans`, before, await memory());
}

function grown(what: string, before: number, after: number): string {
  const growth = after - before;
  if (growth > GROWTH) process.exitCode = 1;
  return `${what} ${growth > GROWTH ? 'GROW' : 'keep'} memory: ${before.toFixed(1)} to ${after.toFixed(1)} MiB`;
}

async function edge(size: number): Promise<string> {
  const name = `2^24 ${size < EDGE ? '-' : '+'} ${Math.abs(size - EDGE)} elements`;
  try {
    const data = new Float32Array(size).fill(0.5);
    data[size - 1] = 2;
    const y = relu(add(tensor(data), -1));
    const [values, total] = await Promise.all([y.data(), sum(y).item()]);
    const right = values[size - 1] === 1 && values[size - 2] === 0 && total === 1;
    if (!right) process.exitCode = 1;
    return `${name}: ${right ? 'right' : 'WRONG'}`;
  } catch (error) {
    return `${name}: refused (${error instanceof Error ? error.message : String(error)})`;
  }
}

restartWithSwiftShader();
if (globalThis.gc === undefined) throw new Error('endurance: run it with node --expose-gc');
const chosen = process.argv.slice(2) as DeviceName[];
for (const device of chosen.length > 0 ? chosen : (['reference', 'simd', 'cpu', 'webasm', 'webgpu'] as const)) {
  const started = performance.now();
  const missing = await useDevice(device).then(
    () => undefined,
    (error: Error) => error.message,
  );
  if (missing !== undefined) {
    console.log(`${device}: left out, ${missing}`);
    continue;
  }
  for (const check of [steps, plans, () => edge(EDGE - 3), () => edge(EDGE + 5)]) console.log(`${device}: ${await check()}`);
  console.log(`${device}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
}
await useDevice('reference');
