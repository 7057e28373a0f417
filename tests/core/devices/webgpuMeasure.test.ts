/** Times of the steps on webgpu: by timestamps, by a submit each where the adapter has none, and never unless asked for. */
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import type { PreparedPlan } from '../../../core/devices/device.ts';
import { openWebGpuDriver, WebGpuDriver } from '../../../core/devices/gpu/webgpu-driver.ts';
import { findGpu, requestAdapter } from '../../../core/devices/gpu/webgpu-runtime.ts';
import { PassTimer } from '../../../core/devices/gpu/webgpu-timer.ts';
import { add, lastPlan, matmul, measureSteps, neg, State, tensor, useDevice } from '../../../core/index.ts';
import { planFor } from '../../support/evaluate.ts';
import { randomArray } from '../../support/random.ts';
import { sampleNetwork } from '../../support/sampleNetwork.ts';
import { deviceOf, testOp, withWebGpu } from '../../support/webgpu.ts';

await withWebGpu(() => {
  const drivers: { readonly name: string; readonly driver: WebGpuDriver; readonly submits: (steps: number) => number }[] = [];
  beforeAll(async () => {
    const bare = await (await requestAdapter())!.requestDevice();
    drivers.push(
      { name: 'timestamps', driver: await openWebGpuDriver(), submits: () => 1 },
      { name: 'a submit a step', driver: new WebGpuDriver(await findGpu(), bare), submits: (steps) => steps + 1 },
    );
  });
  afterEach(() => {
    measureSteps(false);
    vi.restoreAllMocks();
  });
  afterAll(async () => {
    for (const { driver } of drivers) driver.destroy();
    await useDevice('reference');
  });

  it.each([0, 1])('measures every step and changes no result (way %d)', async (way) => {
    const { driver, name, submits } = drivers[way]!;
    expect(driver.device.features.has('timestamp-query'), 'this adapter has timestamps').toBe(name === 'timestamps');
    const device = deviceOf(driver);
    const x = tensor(Float32Array.from(randomArray([200, 200], 1)), [200, 200]);
    const plan = planFor([matmul(matmul(x, x), neg(x)), ...sampleNetwork()], device);
    const feeds = plan.feeds.map((value, k) => Float32Array.from(randomArray([plan.values[value]!.size], k)));
    const prepared: PreparedPlan = await device.prepare(plan);
    const submit = vi.spyOn(driver.device.queue, 'submit');
    const expected = await prepared.run(feeds, []);
    expect(prepared.times).toBeUndefined();
    expect(submit).toHaveBeenCalledTimes(1);
    for (let run = 0; run < 2; run++) {
      measureSteps(true);
      submit.mockClear();
      expect(await prepared.run(feeds, [])).toEqual(expected);
      expect(submit).toHaveBeenCalledTimes(submits(plan.steps.length));
      expect(prepared.times).toHaveLength(plan.steps.length);
      expect(prepared.times!.every((time) => Number.isFinite(time) && time >= 0)).toBe(true);
      expect(prepared.times!.reduce((sum, time) => sum + time, 0)).toBeGreaterThan(0);
      measureSteps(false);
      submit.mockClear();
      expect(await prepared.run(feeds, [])).toEqual(expected);
      expect(submit).toHaveBeenCalledTimes(1);
      expect(prepared.times).toBeUndefined();
    }
    prepared.release();
  });

  it.each([0, 1])('names the step that is refused (way %d)', async (way) => {
    const device = deviceOf(drivers[way]!.driver);
    const probe = testOp('function (x) { return x[0]; }', { cells: [3] });
    const plan = planFor([neg(probe(tensor([1, 2, 3])))], device);
    const same = plan.values[plan.steps[1]!.inputs[0]!]!.location;
    const values = plan.values.map((value, k) => (k === plan.steps[1]!.output ? { ...value, location: same } : value));
    const prepared = await device.prepare({ ...plan, values });
    measureSteps(true);
    await expect(prepared.run([Float32Array.of(1, 2, 3)], [])).rejects.toThrow(/^neg: refused by WebGPU: .*writable usage/);
    expect(prepared.times).toBeUndefined();
  });

  it('takes more passes than one set of queries has, in any order of steps, and a clock that goes back', async () => {
    const { device, health, readback } = drivers[0]!.driver;
    const timer = new PassTimer(device, 2100);
    const steps = Array.from({ length: 2099 }, (_, k) => 2098 - k);
    const { failure, result } = health.scoped(() => {
      const encoder = device.createCommandEncoder();
      for (const [k, step] of steps.entries()) timer.begin(encoder, step, k === 0).end();
      const fetch = readback.stage(encoder, [timer.resolve(encoder)]);
      device.queue.submit([encoder.finish()]);
      return fetch();
    });
    expect(await failure).toBeUndefined();
    const written = new BigUint64Array((await result)[0]!.buffer);
    expect(written).toHaveLength(2 * 2099);
    expect(written.every((nanoseconds) => nanoseconds > 0n)).toBe(true);
    const clock = BigUint64Array.from(steps.flatMap((step) => [BigInt(5e9), BigInt(step === 7 ? 4e9 : 5e9 + 1e6 * step)]));
    const times = timer.times(new Float32Array(clock.buffer));
    expect(times).toEqual(Array.from({ length: 2100 }, (_, step) => (step === 7 || step === 2099 ? 0 : step)));
    timer.destroy();
  });

  it('shows the times of the last plan on the device in use, States included', async () => {
    await useDevice('webgpu');
    const state = new State([1, 2, 3]);
    const step = async () => {
      state.assign(add(state.read(), 1));
      return [...(await state.data())];
    };
    expect(await step()).toEqual([2, 3, 4]);
    expect(lastPlan()!.times).toBeUndefined();
    measureSteps(true);
    expect(await step()).toEqual([3, 4, 5]);
    expect(lastPlan()!.times).toHaveLength(lastPlan()!.plan.steps.length);
  });
});
