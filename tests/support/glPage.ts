/**
 * What webgl2Browser.test.ts runs on a page's own thread on device webgl2: a small network's training, textures over many steps, and the
 * loss of the context. Reports by a request to `/report`.
 */
import { GpuDevice } from '../../core/devices/gpu/device.ts';
import { crossEntropy, type DeviceName, expand, mul, State, tensor, useDevice } from '../../core/index.ts';
import {
  BasicBlock,
  BatchNorm2d,
  Conv2d,
  Flatten,
  GlobalAvgPool2d,
  initialise,
  Linear,
  type Module,
  Sequential,
} from '../../nn/index.ts';
import { SGD } from '../../optim/index.ts';
import { evaluate } from './evaluate.ts';
import { randomArray } from './random.ts';

/** The WebGL2 contexts that the page has made, and the textures in all of them. */
const contexts: WebGL2RenderingContext[] = [];
let textures = 0;

function watch(): void {
  const { createTexture, deleteTexture } = WebGL2RenderingContext.prototype;
  WebGL2RenderingContext.prototype.createTexture = function () {
    if (!contexts.includes(this)) contexts.push(this);
    textures++;
    return createTexture.call(this);
  };
  WebGL2RenderingContext.prototype.deleteTexture = function (texture) {
    if (texture) textures--;
    deleteTexture.call(this, texture);
  };
}

/** One residual block: every kernel of a ResNet, and few shaders for a software adapter to compile. */
const network = (): Module =>
  initialise(
    { seed: 2 },
    () =>
      new Sequential(
        new Conv2d(3, 4, { kernelSize: 3, padding: 1, bias: false }),
        new BatchNorm2d(4),
        new BasicBlock(4, 8, { stride: 2, shortcut: 'A' }),
        new GlobalAvgPool2d(),
        new Flatten(),
        new Linear(8, 10),
      ),
  );

/** One step at a time; gives the loss. */
function trainer(): () => Promise<number> {
  const model = network();
  const optimizer = new SGD(model.parameters(), { learningRate: 0.05, momentum: 0.9, weightDecay: 1e-4 });
  const images = tensor(Float32Array.from(randomArray([8, 3, 16, 16], 1)), [8, 3, 16, 16]);
  const labels = tensor([0, 1, 2, 3, 4, 5, 6, 7]);
  return () => {
    const loss = crossEntropy(model.forward(images), labels);
    optimizer.zeroGrad();
    loss.backward();
    void optimizer.step();
    return loss.item();
  };
}

async function losses(name: DeviceName, steps: number): Promise<number[]> {
  await useDevice(name);
  const step = trainer();
  const found: number[] = [];
  for (let k = 0; k < steps; k++) found.push(await step());
  return found;
}

/** What is said of an array that is too large, before anything runs. */
async function tooLarge(): Promise<string> {
  const device = await GpuDevice.open('webgl2');
  const refused = await evaluate([expand(tensor([1]), [4097, 4096])], device).then(String, messageOf);
  device.destroy();
  return refused;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Losses of training, and textures after so many steps each. */
async function trainCounting(counts: readonly number[]): Promise<{ losses: number[]; found: number[] }> {
  await useDevice('webgl2');
  const step = trainer();
  const [losses, found]: [number[], number[]] = [[], []];
  for (const count of counts) {
    while (losses.length < count) losses.push(await step());
    found.push(textures);
  }
  return { losses, found };
}

/** A State that doubles at each step. */
function doubler(): () => Promise<string> {
  const state = new State(new Float32Array([1, 2, 3]), { label: 'counter' });
  return async () => {
    state.assign(mul(state.read(), 2));
    return (await state.data()).join();
  };
}

/** Textures after 5 and after 300 small steps; then the context goes, and a plan that has run before runs again. */
async function loseContext(): Promise<object> {
  await useDevice('webgl2');
  const step = doubler();
  const small: number[] = [];
  for (let k = 1; k <= 300; k++) {
    await step();
    if (k === 5 || k === 300) small.push(textures);
  }
  contexts.at(-1)!.getExtension('WEBGL_lose_context')!.loseContext();
  const lost = await step().then(String, messageOf);
  await useDevice('webgl2');
  const kept = await Promise.resolve()
    .then(() => step())
    .then(String, messageOf);
  return { small, lost, state: kept, again: await doubler()() };
}

/** How many turns a timer has meanwhile. */
async function turnsDuring<T>(work: () => Promise<T>): Promise<{ turns: number; result: T }> {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const result = await work();
  clearInterval(timer);
  return { turns, result };
}

async function run(): Promise<object> {
  watch();
  const counts = new URLSearchParams(location.search).get('counts')?.split(',').map(Number) ?? [];
  const { turns, result } = await turnsDuring(() => trainCounting(counts));
  const expected = await losses('reference', 3);
  const trained = result.losses.slice(0, 3);
  return { trained, expected, turns, textures: result.found, refused: await tooLarge(), ...(await loseContext()) };
}

run()
  .catch((error: unknown) => ({ error: error instanceof Error ? `${error.message} ${error.stack}` : String(error) }))
  .then((report) => fetch('/report', { method: 'POST', body: JSON.stringify(report) }));
