/** The webgpu driver: right numbers over several runs, one submit a run, and nothing made anew that is there already. */
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { PreparedPlan } from '../../../core/devices/device.ts';
import { openWebGpuDriver, type WebGpuDriver } from '../../../core/devices/gpu/webgpu-driver.ts';
import { isHardware } from '../../../core/devices/gpu/webgpu-runtime.ts';
import * as ops from '../../../core/index.ts';
import { type DeviceName, gradient, State, square, sub, sum, tanh, tensor, useDevice } from '../../../core/index.ts';
import type { Plan } from '../../../core/plan/plan.ts';
import { FLOAT32_TOLERANCE, reference } from '../../support/devices.ts';
import { evaluate, planFor } from '../../support/evaluate.ts';
import { randomArray } from '../../support/random.ts';
import { deviceOf, withWebGpu } from '../../support/webgpu.ts';

/** Steps of gradient descent with momentum on sum (tanh(w x + b) - y)^2; every value on the way. */
async function descend(device: DeviceName): Promise<number[][]> {
  await useDevice(device);
  const w = new State(Float32Array.from(randomArray([7], 1)), { label: 'w' });
  const b = new State(Float32Array.from(randomArray([1], 2)), { label: 'b' });
  const momentum = new State(new Float32Array(7), { label: 'momentum' });
  const values: number[][] = [];
  for (let step = 0; step < 6; step++) {
    const x = tensor(Float32Array.from(randomArray([41, 7], 10 + step)), [41, 7]);
    const y = tensor(Float32Array.from(randomArray([41, 7], 20 + step)), [41, 7]);
    const loss = sum(square(sub(tanh(ops.add(ops.mul(w.read(), x), b.read())), y)));
    const [dw, db] = gradient(loss, [w.read(), b.read()]);
    const before = w.read();
    momentum.assign(ops.add(ops.mul(momentum.read(), 0.9), dw!));
    w.assign(sub(w.read(), ops.mul(momentum.read(), tensor([0.01 / (step + 1)]))));
    b.assign(sub(b.read(), ops.mul(db!, 0.01)));
    const read = await Promise.all([loss, before, w.read(), b.read(), momentum.read()].map((each) => each.data()));
    values.push(...read.map((each) => [...each]));
  }
  return values;
}

/** A plan over feeds and States by hand: feed 0 and State 0 are read, State 0 gets feed 0, State 1 gets -State 0. */
function handPlan(): Plan {
  const step = planFor([ops.neg(tensor([1, 2, 3]))], reference).steps[0]!;
  const value = (place: 'feed' | 'state' | 'slot', index: number) => ({
    shape: [3],
    size: 3,
    location: { in: place, index } as const,
  });
  return {
    steps: [{ ...step, label: 'negate', inputs: [1], output: 2 }],
    values: [value('feed', 0), value('state', 0), value('slot', 0)],
    feeds: [0],
    states: [
      { label: 'a', shape: [3], write: 0, direct: false },
      { label: 'b', shape: [3], write: 2, direct: false },
    ],
    reads: [0, 1, 2, 1],
    slots: [3],
  };
}

await withWebGpu(() => {
  let driver: WebGpuDriver;
  beforeAll(async () => {
    driver = await openWebGpuDriver();
  });
  afterAll(async () => {
    driver.destroy();
    await useDevice('reference');
  });

  const prepare = (plan: Plan): Promise<PreparedPlan> => deviceOf(driver).prepare(plan);

  it('agrees with the reference over several runs with States', async () => {
    const expected = await descend('reference');
    const actual = await descend('webgpu');
    // Against the largest element: sums over 41 rows cancel, and single elements of the momentum pass through 0.
    const errors = expected.map((value, k) => {
      const difference = Math.max(...value.map((each, i) => Math.abs(each - actual[k]![i]!)));
      return difference / Math.max(...value.map(Math.abs), 1e-3);
    });
    expect(Math.max(...errors)).toBeLessThan(FLOAT32_TOLERANCE);
  });

  it('reads feeds and States directly, and a State before it is written', async () => {
    const prepared = await prepare(handPlan());
    const [a, b] = [new State([1, 2, 3]), new State([0, 0, 0])];
    expect((await prepared.run([Float32Array.of(7, 8, 9)], [a, b])).map((value) => [...value])).toEqual([
      [7, 8, 9],
      [1, 2, 3],
      [-1, -2, -3],
      [1, 2, 3],
    ]);
    expect((await driver.download([b, a, new State([4])])).map((value) => [...value])).toEqual([[-1, -2, -3], [7, 8, 9], [4]]);
    const again = await prepared.run([Float64Array.of(0.5, 0, 0)], [b, a]);
    expect([...again[1]!]).toEqual([-1, -2, -3]);
  });

  it('submits once a run, makes buffers once and bind groups once', async () => {
    const submit = vi.spyOn(driver.device.queue, 'submit');
    const groups = vi.spyOn(driver.device, 'createBindGroup');
    const buffers = vi.spyOn(driver.device, 'createBuffer');
    const x = tensor(randomArray([50], 3));
    const plan = planFor([sum(ops.exp(ops.neg(x)))], deviceOf(driver));
    const prepared = await prepare(plan);
    const first = await prepared.run([randomArray([50], 3)], []);
    const made = { groups: groups.mock.calls.length, buffers: buffers.mock.calls.length };
    expect(made.groups).toBe(plan.steps.length);
    for (let k = 0; k < 4; k++) expect(await prepared.run([randomArray([50], 3)], [])).toEqual(first);
    expect(submit).toHaveBeenCalledTimes(5);
    expect({ groups: groups.mock.calls.length, buffers: buffers.mock.calls.length }).toEqual(made);

    await evaluate([sum(ops.exp(ops.neg(tensor(randomArray([5000], 4)))))], deviceOf(driver));
    groups.mockClear();
    expect(await prepared.run([randomArray([50], 3)], [])).toEqual(first);
    expect(groups.mock.calls.length).toBeGreaterThan(0);
    vi.restoreAllMocks();
  });

  it('stays flat over 2,000 runs', async () => {
    const prepared = await prepare(handPlan());
    const states = [new State([1, 2, 3]), new State([0, 0, 0])];
    const runs = async (count: number): Promise<number> => {
      for (let k = 0; k < count; k++) await prepared.run([Float32Array.of(k, 1, 2)], states);
      globalThis.gc?.();
      return process.memoryUsage().rss;
    };
    const before = await runs(500);
    const created = (['createBuffer', 'createBindGroup'] as const).map((name) => vi.spyOn(driver.device, name));
    const after = await runs(2000);
    for (const calls of created) expect(calls).not.toHaveBeenCalled();
    // Over 14,000 runs the process wandered by 48 MiB without a trend: Dawn and SwiftShader free late, the more so on a busy machine.
    expect((after - before) / 2 ** 20).toBeLessThan(80);
    vi.restoreAllMocks();
  });

  it('frees the buffer of a State that is collected', async () => {
    if (globalThis.gc === undefined) return;
    const prepared = await prepare(handPlan());
    const created = vi.spyOn(driver.device, 'createBuffer');
    await prepared.run([Float32Array.of(1, 2, 3)], [new State([1, 2, 3], { label: 'short-lived' }), new State([0, 0, 0])]);
    const at = created.mock.calls.findIndex(([{ label }]) => label === 'State short-lived');
    const buffer: unknown = created.mock.results[at]!.value;
    if (typeof buffer !== 'object' || buffer === null) throw new Error('no buffer was made');
    const destroy = vi.spyOn(buffer as GPUBuffer, 'destroy');
    for (let k = 0; k < 20 && destroy.mock.calls.length === 0; k++) {
      globalThis.gc();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(destroy).toHaveBeenCalled();
    vi.restoreAllMocks();
  });

  it('downloads more than it stages at once', async () => {
    const size = 2 ** 23;
    const states = [1, 2, 3].map((seed) => new State(new Float32Array(size).fill(seed)));
    const plan = handPlan();
    const value = { shape: [size], size, location: { in: 'state', index: 0 } as const };
    const reading = { ...plan, steps: [], values: [value], feeds: [], slots: [], reads: [] };
    const prepared = await prepare({ ...reading, states: states.map(() => ({ ...plan.states[0]!, write: undefined })) });
    await prepared.run([], states);
    const submit = vi.spyOn(driver.device.queue, 'submit');
    const values = await driver.download(states);
    expect(values.map((each) => [each.length, each[0], each.at(-1)])).toEqual([1, 2, 3].map((seed) => [size, seed, seed]));
    expect(submit).toHaveBeenCalledTimes(2);
    vi.restoreAllMocks();
  });
});

describe('a hardware adapter', () => {
  const adapter = (description: string, isFallbackAdapter = false): Pick<GPUAdapter, 'info'> => ({
    info: {
      __brand: 'GPUAdapterInfo',
      vendor: '',
      architecture: '',
      device: '',
      description,
      isFallbackAdapter,
      subgroupMinSize: 4,
      subgroupMaxSize: 4,
    },
  });
  it.each(['SwiftShader driver 5.0.0', 'llvmpipe (LLVM 15.0.6, 256 bits)', 'Microsoft Basic Render Driver'])(
    'is not %s',
    (name) => {
      expect(isHardware(adapter(name))).toBe(false);
    },
  );
  it('is one that does not say otherwise', () => {
    expect(isHardware(adapter('NVIDIA GeForce RTX 4090'))).toBe(true);
    expect(isHardware(adapter('NVIDIA GeForce RTX 4090', true))).toBe(false);
  });
});
