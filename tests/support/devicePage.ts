/**
 * What deviceBrowser.test.ts runs inside a module worker, as programs with a page do, on the device that the address names: every op against
 * the reference, steps of training, their times, and the loss of a GPU. Reports by a request to `/report`.
 */
import { currentDevice } from '../../core/devices/current.ts';
import { ReferenceDevice } from '../../core/devices/reference.ts';
import {
  crossEntropy,
  type DeviceName,
  lastPlan,
  matmul,
  measureSteps,
  relu,
  sum,
  type Tensor,
  tensor,
  threadsInUse,
  useDevice,
} from '../../core/index.ts';
import { Linear } from '../../nn/index.ts';
import { SGD } from '../../optim/index.ts';
import { evaluate, scaledError } from './evaluate.ts';
import { loseGpu, watchGpus } from './losable.ts';
import { opCases } from './opCases.ts';
import { randomArray } from './random.ts';

const query = new URLSearchParams(location.search);
const name = query.get('device') as DeviceName;
const threads = Number(query.get('threads'));
const use = (): Promise<string> => useDevice(name, threads > 0 ? { threads } : {});

const random = (shape: readonly number[], seed: number): Tensor => tensor(Float32Array.from(randomArray(shape, seed)), shape);
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function checkOps(): Promise<Record<string, number>> {
  const [device, reference] = [await currentDevice(), new ReferenceDevice()];
  const errors: Record<string, number> = {};
  for (const { name, results } of opCases()) {
    const actual = await evaluate(results, device);
    const expected = await evaluate(results, reference);
    errors[name] = Math.max(...results.map((_, k) => scaledError(actual[k]!, expected[k]!)));
  }
  return errors;
}

/** One step at a time on two layers; gives the loss. */
function trainer(): () => Promise<number> {
  const [first, second] = [new Linear(12, 16), new Linear(16, 4)];
  const parameters = [first.weight, first.bias!, second.weight, second.bias!];
  parameters.forEach((state, k) => state.assign(random(state.shape, 10 + k)));
  const optimizer = new SGD(parameters, { learningRate: 0.1, momentum: 0.9 });
  const [images, labels] = [random([8, 12], 1), tensor([0, 1, 2, 3, 0, 1, 2, 3])];
  return () => {
    const loss = crossEntropy(second.forward(relu(first.forward(images))), labels);
    optimizer.zeroGrad();
    loss.backward();
    void optimizer.step();
    return loss.item();
  };
}

async function losses(steps: number): Promise<number[]> {
  const step = trainer();
  const found: number[] = [];
  for (let k = 0; k < steps; k++) found.push(await step());
  return found;
}

/** The same training while its steps are measured, and the times of the last plan. */
async function measured(): Promise<object> {
  measureSteps(true);
  const values = await losses(3);
  const { plan, times } = lastPlan()!;
  measureSteps(false);
  await losses(1);
  return { values, steps: plan.steps.length, times, after: lastPlan()!.times ?? null };
}

/** Takes the GPU away between two steps of training, and then while one is under way that takes long. */
async function loseIt(): Promise<object> {
  const step = trainer();
  await step();
  loseGpu();
  const between = await step().then(String, messageOf);
  await use();
  const x = random([500, 500], 1);
  const long = (): Promise<number> => sum(matmul(matmul(x, x), x)).item();
  await long();
  const started = performance.now();
  await long();
  const took = performance.now() - started;
  const under = long().then(String, messageOf);
  await new Promise((resolve) => setTimeout(resolve, took / 4));
  loseGpu();
  const during = await under;
  await use();
  return { between, during, again: await losses(2) };
}

/** What is said of each device that the address names, and what `auto` takes instead. */
async function refusals(names: readonly string[]): Promise<object> {
  const refused: string[] = [];
  for (const each of names) refused.push(await useDevice(each as DeviceName).then(String, messageOf));
  return { refused, used: await useDevice('auto'), inUse: threadsInUse() ?? null };
}

async function run(): Promise<object> {
  const wanted = query.get('refused');
  if (wanted !== null) return refusals(wanted.split(','));
  watchGpus();
  const used = await use();
  const inUse = threadsInUse() ?? null;
  const errors = await checkOps();
  const trained = await losses(3);
  const times = await measured();
  const lost = name === 'webgpu' || name === 'webgl2' ? await loseIt() : null;
  await useDevice('reference');
  return { used, inUse, errors, trained, expected: await losses(3), measured: times, lost };
}

run()
  .catch((error: unknown) => ({ error: error instanceof Error ? `${error.message} ${error.stack}` : String(error) }))
  .then((report) => fetch('/report', { method: 'POST', body: JSON.stringify(report) }));
