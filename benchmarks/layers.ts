/** Single layers on one thread, against the probe: convolutions by direct multiply-adds, batch norm by bytes against memcpy. */
import { SimdDevice } from '../core/devices/simd/device.ts';
import { batchNorm, type Conv2dOptions, conv2d, gradient, mul, sum, type Tensor, tensor } from '../core/index.ts';
import { randomArray } from '../tests/support/random.ts';
import { median } from './median.ts';
import { measureProbe } from './probe.ts';
import { stepTimes } from './stepTimes.ts';

interface Layer {
  readonly name: string;
  readonly x: readonly [number, number, number, number];
  readonly w: readonly [number, number, number, number];
  readonly options: Conv2dOptions;
}

const layer = (name: string, n: number, c: number, side: number, o: number, kernel: number, stride = 1): Layer => ({
  name,
  x: [n, c, side, side],
  w: [o, c, kernel, kernel],
  options: { stride, padding: Math.floor(kernel / 2) },
});

const LAYERS: readonly Layer[] = [
  layer('3->16@32', 64, 3, 32, 16, 3),
  layer('16->16@32', 64, 16, 32, 16, 3),
  layer('16->32@32 s2', 64, 16, 32, 32, 3, 2),
  layer('32->32@16', 64, 32, 16, 32, 3),
  layer('64->64@8', 64, 64, 8, 64, 3),
  layer('3->64@224 7x7 s2', 4, 3, 224, 64, 7, 2),
  layer('64->64@56', 8, 64, 56, 64, 3),
  layer('128->128@28', 8, 128, 28, 128, 3),
  layer('256->256@14', 8, 256, 14, 256, 3),
  layer('512->512@7', 8, 512, 7, 512, 3),
  layer('1x1 256->64@56', 4, 256, 56, 64, 1),
  layer('1x1 64->256@56', 4, 64, 56, 256, 1),
];

/** A layer's three passes, as shares of the probe. */
export interface LayerRow {
  readonly layer: string;
  readonly algorithm: 'auto' | 'direct';
  readonly forward: number;
  readonly inputGradient: number;
  readonly weightGradient: number;
}

const PASSES = ['conv2d', 'conv2dInputGradient', 'conv2dWeightGradient'];

/** GFLOP/s of each pass; the last layers of a network have all three. */
async function measure(device: SimdDevice, { x, w, options }: Layer): Promise<number[]> {
  const random = (shape: readonly number[], seed: number): Tensor => tensor(Float32Array.from(randomArray(shape, seed)), shape);
  const [input, weight] = [random(x, 1), random(w, 2)];
  const y = conv2d(input, weight, options);
  const slope = random(y.shape, 3);
  const results = gradient(sum(mul(y, slope)), [input, weight]);
  const times = await stepTimes(device, [sum(y), ...results.map((result) => sum(result))]);
  const operations = 2 * y.size * w[1] * w[2] * w[3];
  return PASSES.map((pass) => operations / (times.find(({ op }) => op === pass)!.milliseconds * 1e6));
}

export async function layerRows(report: (row: LayerRow) => void): Promise<void> {
  const device = await SimdDevice.open({ threads: 1 });
  for (const each of LAYERS) {
    const algorithms =
      each.w[2] === 3 && each.w[1] >= 16 && each.options.stride === 1 ? (['auto', 'direct'] as const) : (['direct'] as const);
    for (const algorithm of algorithms) {
      const before = await measureProbe();
      const rates = await measure(device, { ...each, options: { ...each.options, algorithm } });
      const probe = Math.max(before, await measureProbe());
      const [forward, inputGradient, weightGradient] = rates.map((rate) => rate / probe) as [number, number, number];
      report({ layer: each.name, algorithm, forward, inputGradient, weightGradient });
    }
  }
  device.destroy();
}

/** Batch norm's passes on [n, c, h, w], in bytes moved a second against a copy that reads and writes as many. */
export interface BatchNormRow {
  readonly shape: string;
  readonly pieces: Readonly<Record<string, number>>;
}

/** Arrays of x's size that each piece reads and writes. */
const TRAFFIC: Readonly<Record<string, number>> = { moments: 1, normalise: 2, normaliseSums: 2, normaliseInput: 3 };

export async function batchNormRows(report: (row: BatchNormRow) => void): Promise<void> {
  const device = await SimdDevice.open({ threads: 1 });
  for (const shape of [
    [128, 16, 32, 32],
    [128, 32, 16, 16],
    [128, 64, 8, 8],
    [8, 64, 56, 56],
    [8, 64, 112, 112],
    [8, 512, 7, 7],
  ]) {
    const x = tensor(Float32Array.from(randomArray(shape, 1)), shape);
    const gamma = tensor(new Float32Array(shape[1]!).fill(1));
    const seed = conv2d(x, tensor(new Float32Array(shape[1]! ** 2).fill(0.01), [shape[1]!, shape[1]!, 1, 1]));
    const { output } = batchNorm(seed, gamma, gamma);
    const results = gradient(sum(mul(output, output)), [seed]);
    const times = await stepTimes(device, [sum(results[0]!)]);
    const copy = copyRate(x.size);
    const pieces = times
      .filter(({ op }) => op in TRAFFIC)
      .map(({ op, milliseconds }) => [op, (TRAFFIC[op]! * 4 * x.size) / (milliseconds * 1e6) / copy]);
    report({ shape: `[${shape}]`, pieces: Object.fromEntries(pieces) });
  }
  device.destroy();
}

/** GB/s of a copy of so many floats, reading and writing counted. */
function copyRate(size: number): number {
  const [from, to] = [new Float32Array(size).fill(1), new Float32Array(size)];
  const rates: number[] = [];
  for (let run = 0; run < 15; run++) {
    const started = performance.now();
    to.set(from);
    rates.push((8 * size) / ((performance.now() - started) * 1e6));
  }
  return median(rates.slice(3));
}
