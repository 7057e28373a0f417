/** Ops without kernels: their reference loops run on the host, between the steps of every device. */
import { afterAll, describe, expect, it } from 'vitest';
import { prepareWithHostSteps } from '../../../core/devices/host-steps.ts';
import { SimdDevice } from '../../../core/devices/simd/device.ts';
import {
  add,
  conv2d,
  explain,
  gradient,
  lastPlan,
  mul,
  relu,
  State,
  scale,
  sum,
  type Tensor,
  tensor,
  useDevice,
} from '../../../core/index.ts';
import { type Op, record } from '../../../core/op.ts';
import { onEveryDevice, reference } from '../../support/devices.ts';
import { evaluate, relativeError } from '../../support/evaluate.ts';
import { randomArray } from '../../support/random.ts';

type Nothing = Readonly<Record<string, never>>;

/** x^3, as loops alone. */
const cubeOp: Op<Nothing> = {
  name: 'cube',
  inputs: ['x'],
  shape: ([x]) => x!,
  reference: ({ inputs: [x], output }) => x!.forEach((value, k) => (output[k] = value ** 3)),
  gradient: ({ inputs: [x], dy }) => [() => scale(mul(dy, mul(x!, x!)), 3)],
};
const cube = (x: Tensor): Tensor => record(cubeOp, [x], {});

const random = (shape: readonly number[], seed: number): Tensor => tensor(Float32Array.from(randomArray(shape, seed)), shape);

/** float32 against float64, with sums of up to some dozens of products. */
const TOLERANCE = 1e-4;

describe('an op without kernels', () => {
  onEveryDevice((device) => {
    it('runs at the beginning, between and at the end', async () => {
      const [x, w] = [random([2, 3, 5, 5], 1), random([4, 3, 3, 3], 2)];
      const first = cube(x);
      const convolved = relu(conv2d(first, w));
      const results = [cube(mul(cube(convolved), convolved)), first, ...gradient(sum(cube(convolved)), [x, w])];
      const [actual, expected] = [await evaluate(results, device), await evaluate(results, reference)];
      actual.forEach((values, k) => expect(relativeError(values, expected[k]!)).toBeLessThan(TOLERANCE));
    });

    it('runs alone, and reads values of any kind', async () => {
      const x = random([5], 3);
      const [cubed, plain] = await evaluate([cube(x), x], device);
      expect([...cubed!]).toEqual([...(await x.data())].map((value) => Math.fround(value ** 3)));
      expect([...plain!]).toEqual([...(await x.data())]);
    });
  });

  describe('and States', () => {
    afterAll(() => useDevice('reference'));
    it.each(['reference', 'simd', 'cpu', 'webasm'] as const)('%s', async (name) => {
      await useDevice(name);
      const [a, b, c] = [new State([1, 2]), new State([3, 4]), new State([5, 6])];
      const before = a.read();
      c.assign(add(cube(a.read()), b.read()));
      a.assign(add(a.read(), 1));
      b.assign(cube(a.read()));
      const values = await Promise.all([before, cube(b.read()), a.read(), b.read(), c.read()].map((each) => each.data()));
      expect(values.map((each) => [...each])).toEqual([
        [1, 2],
        [512, 19683],
        [2, 3],
        [8, 27],
        [4, 12],
      ]);
      expect([[...(await a.data())], [...(await b.data())], [...(await c.data())]]).toEqual([
        [2, 3],
        [8, 27],
        [4, 12],
      ]);
    });
  });

  it('names the step that throws, and the one that makes a NaN', async () => {
    const device = await SimdDevice.open({ threads: 1, stopAtNaN: true });
    const broken: Op<Nothing> = {
      ...cubeOp,
      reference: () => {
        throw new Error('out of luck');
      },
    };
    await expect(evaluate([record(broken, [tensor([1])], {})], device)).rejects.toThrow('cube: out of luck');
    await expect(evaluate([cube(tensor([Number.NaN]))], device)).rejects.toThrow('cube: its output holds NaN');
    device.destroy();
  });

  it('is timed and named among the steps of the plan', async () => {
    await useDevice('simd', { threads: 1 });
    await cube(relu(tensor([1, 2]))).data();
    const { plan, ...notes } = lastPlan()!;
    expect(explain(plan, notes)).toMatch(/cube, reference, on the host/);
    expect(notes.times).toHaveLength(plan.steps.length);
    await useDevice('reference');
  });

  it('leaves other plans as they are', async () => {
    const prepared = { run: async () => [], times: undefined, release: () => undefined };
    const plan = { steps: [], values: [], feeds: [], states: [], reads: [], slots: [] };
    expect(
      await prepareWithHostSteps(
        plan,
        () => true,
        async () => prepared,
      ),
    ).toBe(prepared);
  });
});

describe('two ops of one name', () => {
  it('are two plans', async () => {
    await useDevice('reference');
    const twice: Op<Nothing> = { ...cubeOp, reference: ({ inputs: [x], output }) => x!.forEach((v, k) => (output[k] = 2 * v)) };
    expect(await record(cubeOp, [tensor([3])], {}).item()).toBe(27);
    expect(await record(twice, [tensor([3])], {}).item()).toBe(6);
  });
});
