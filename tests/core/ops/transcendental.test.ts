/** exp, log, tanh and powers on device simd, held against Math in float64: relative errors of a few roundings, and every special value. */
import { afterAll, describe, expect, it } from 'vitest';
import { SimdDevice } from '../../../core/devices/simd/device.ts';
import { exp, log, pow, relu, type Tensor, tanh, tensor } from '../../../core/index.ts';
import { evaluate } from '../../support/evaluate.ts';
import { randomArray } from '../../support/random.ts';

const device = await SimdDevice.open({ threads: 1 });
afterAll(() => device.destroy());

/** A float32 rounds to within 6e-8; Cephes gives the functions to about 2e-7. */
const TOLERANCE = 3e-7;
const SMALLEST_NORMAL = 1.17549435e-38;

async function run(f: (x: Tensor) => Tensor, values: ArrayLike<number>): Promise<[Float32Array, Float64Array]> {
  const x = Float32Array.from(values);
  const [result] = await evaluate([f(tensor(x))], device);
  return [x, Float64Array.from(result!)];
}

describe.each([
  ['exp', exp, Math.exp, -87, 88],
  ['exp near 0', exp, Math.exp, -1, 1],
  ['log', log, Math.log, 1e-3, 1e3],
  ['log near 1', log, Math.log, 0.9, 1.1],
  ['tanh', tanh, Math.tanh, -12, 12],
  ['tanh near 0', tanh, Math.tanh, -0.7, 0.7],
  ['x ** 2.5', (x: Tensor) => pow(x, 2.5), (x: number) => x ** 2.5, 0.5, 2],
] as const)('%s', (_, f, oracle, low, high) => {
  it('has a small relative error', async () => {
    const [x, actual] = await run(f, randomArray([20000], 7, low, high));
    let worst = 0;
    x.forEach((value, k) => {
      const expected = oracle(value);
      if (Math.abs(expected) > SMALLEST_NORMAL) worst = Math.max(worst, Math.abs(actual[k]! / expected - 1));
    });
    expect(worst).toBeLessThan(TOLERANCE);
  });
});

const SPECIAL = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 1, -1, 1e30, -1e30, 1e-42];

it.each([
  ['exp', exp, Math.exp],
  ['log', log, Math.log],
  ['tanh', tanh, Math.tanh],
  ['x ** 1.5', (x: Tensor) => pow(x, 1.5), (x: number) => x ** 1.5],
  ['x ** 65', (x: Tensor) => pow(x, 65), (x: number) => x ** 65],
  ['x ** 66', (x: Tensor) => pow(x, 66), (x: number) => x ** 66],
  ['relu, which keeps a NaN', relu, (x: number) => (x < 0 ? 0 : x)],
] as const)('%s of special values is what Math gives', async (_, f, oracle) => {
  const [x, actual] = await run(f, SPECIAL);
  x.forEach((value, k) => {
    const expected = Math.fround(oracle(value));
    if (Number.isFinite(expected) && expected !== 0)
      expect(Math.abs(actual[k]! - expected) / Math.abs(expected), `at ${value}`).toBeLessThan(1e-5);
    else expect(actual[k]! + 0, `at ${value}`).toBe(expected + 0);
  });
});
