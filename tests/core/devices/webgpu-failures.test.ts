/** What goes wrong on WebGPU rejects what was awaited, naming the step where it is known; and nothing hangs. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { withLabel } from '../../../core/debug.ts';
import type { Device } from '../../../core/devices/device.ts';
import { openWebGpuDriver, type WebGpuDriver } from '../../../core/devices/gpu/webgpu-driver.ts';
import { requestAdapter } from '../../../core/devices/gpu/webgpu-runtime.ts';
import { add, exp, mul, neg, State, sum, tensor, useDevice } from '../../../core/index.ts';
import type { Plan } from '../../../core/plan/plan.ts';
import { evaluate, planFor } from '../../support/evaluate.ts';
import { deviceOf, testOp, withWebGpu } from '../../support/webgpu.ts';

const LOST = "the WebGPU device was lost (destroyed); call useDevice('webgpu') again and load the States from a checkpoint";

await withWebGpu(() => {
  let driver: WebGpuDriver;
  let device: Device;
  beforeEach(async () => {
    driver = await openWebGpuDriver();
    device = deviceOf(driver);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    driver.destroy();
  });

  /** y = sum(-exp(x)) with steps labelled a, b and c. */
  function threeSteps(): Plan {
    const plan = planFor([sum(neg(exp(tensor([1, 2, 3]))))], device);
    return { ...plan, steps: plan.steps.map((step, k) => ({ ...step, label: 'abc'[k]! })) };
  }

  async function stillWorks(): Promise<void> {
    expect([...(await evaluate([neg(tensor([1, 2]))], device))[0]!]).toEqual([-1, -2]);
  }

  it('names the step that reads and writes one buffer', async () => {
    const plan = threeSteps();
    const same = plan.values[plan.steps[1]!.inputs[0]!]!.location;
    const values = plan.values.map((value, k) => (k === plan.steps[1]!.output ? { ...value, location: same } : value));
    const prepared = await device.prepare({ ...plan, values });
    await expect(prepared.run([Float32Array.of(1, 2, 3)], [])).rejects.toThrow(/^b \/ neg: refused by WebGPU: .*writable usage/);
    await stillWorks();
  });

  it('writes no State in a run that is refused', async () => {
    const plan = threeSteps();
    const state = new State([5]);
    const states = [{ label: 'state', shape: [1], write: plan.reads[0], direct: false }];
    const same = plan.values[plan.steps[1]!.inputs[0]!]!.location;
    const values = plan.values.map((value, k) => (k === plan.steps[1]!.output ? { ...value, location: same } : value));
    const prepared = await device.prepare({ ...plan, values, states });
    await expect(prepared.run([Float32Array.of(1, 2, 3)], [state])).rejects.toThrow('b / neg');
    expect([...(await driver.download([state]))[0]!]).toEqual([5]);
  });

  it('names the plan when no single step is to blame', async () => {
    const plan = threeSteps();
    const values = plan.values.map((value, k) => (k === plan.reads[0] ? { ...value, size: 1e6 } : value));
    const prepared = await device.prepare({ ...threeSteps(), values });
    await expect(prepared.run([Float32Array.of(1, 2, 3)], [])).rejects.toThrow(/^a \/ exp \.\.\. c \/ sum: refused by WebGPU: /);
    await stillWorks();
  });

  it('names the step whose array finds no memory, and tries again later', async () => {
    const pop = driver.device.popErrorScope.bind(driver.device);
    const push = vi.spyOn(driver.device, 'pushErrorScope');
    const prepared = await device.prepare(threeSteps());
    push.mockClear();
    const error = { message: 'Out of memory.\n - While creating a buffer' };
    vi.spyOn(driver.device, 'popErrorScope').mockImplementation(async () => {
      const filter = push.mock.calls.pop()?.[0];
      const found = await pop();
      return filter === 'out-of-memory' ? error : found;
    });
    await expect(prepared.run([Float32Array.of(1, 2, 3)], [])).rejects.toThrow(
      /^[abc] \/ \w+: the WebGPU device is out of memory \(Out of memory\); use a smaller batch$/,
    );
    vi.restoreAllMocks();
    const created = vi.spyOn(driver.device, 'createBuffer');
    expect((await prepared.run([Float32Array.of(0, 0, 0)], []))[0]![0]).toBeCloseTo(-3, 5);
    expect(created.mock.calls.filter(([{ size }]) => size === 12).length).toBeGreaterThanOrEqual(2);
  });

  it('names the State that finds no memory', async () => {
    const prepared = await device.prepare({
      ...threeSteps(),
      states: [{ label: 'w', shape: [1], write: undefined, direct: false }],
    });
    const state = new State([5], { label: 'layer1.weight' });
    const scoped = driver.health.scoped.bind(driver.health);
    const failure = Promise.resolve({ kind: 'out-of-memory', message: 'no more.' } as const);
    let calls = 0;
    const slots = threeSteps().slots.length;
    vi.spyOn(driver.health, 'scoped').mockImplementation((body) => {
      const made = scoped(body);
      return calls++ === slots + 1 ? { ...made, failure } : made;
    });
    await expect(prepared.run([Float32Array.of(1, 2, 3)], [state])).rejects.toThrow(
      'State layer1.weight: the WebGPU device is out of memory (no more); use a smaller batch',
    );
    vi.restoreAllMocks();
    await prepared.run([Float32Array.of(1, 2, 3)], [state]);
    expect([...(await driver.download([state]))[0]!]).toEqual([5]);
  });

  it('reports an error that no scope caught with the next thing awaited', async () => {
    driver.device.createBuffer({ size: 4, usage: 0x81 });
    await driver.device.queue.onSubmittedWorkDone();
    await expect(evaluate([neg(tensor([1]))], device)).rejects.toThrow(/^the WebGPU device reported an error: /);
    await stillWorks();
  });

  it('names the step whose kernel is not in the dialect', async () => {
    const probe = testOp('function (x) { return nowhere[this.thread.x]; }', { cells: [3] });
    await expect(evaluate([withLabel('odd', () => probe(tensor([1, 2, 3])))], device)).rejects.toThrow(
      /^odd \/ probe, kernel probe: /,
    );
    const lanes = testOp('function (x) { return [x[0], x[1], x[2], x[2]]; }', { cells: [3] });
    await expect(evaluate([lanes(tensor([1, 2, 3]))], device)).rejects.toThrow(/internal: gpu.js lays out kernel probe/);
  });

  it('refuses more workgroups than an axis takes, naming the step', async () => {
    const probe = testOp('function (x) { return x[0]; }', { cells: [2, 5_000_000] });
    await expect(evaluate([probe(tensor([1]))], device)).rejects.toThrow(
      'probe: kernel probe needs 2 x 78125 x 1 workgroups, but the device webgpu starts 65535 along an axis',
    );
  });

  it('rejects what is under way when the device is lost, and everything later', async () => {
    const prepared = await device.prepare(threeSteps());
    await prepared.run([Float32Array.of(1, 2, 3)], []);
    const state = new State([1]);
    const running = prepared.run([Float32Array.of(1, 2, 3)], []);
    const preparing = device.prepare(planFor([exp(mul(tensor([1, 2]), tensor([3, 4])))], device));
    driver.device.destroy();
    const rejected = await Promise.allSettled([running, preparing]);
    expect(rejected.map((each) => (each.status === 'rejected' ? String(each.reason) : each.status))).toEqual([
      `DeviceError: ${LOST}`,
      `DeviceError: ${LOST}`,
    ]);
    await expect(prepared.run([Float32Array.of(1, 2, 3)], [])).rejects.toThrow(LOST);
    await expect(device.prepare(threeSteps())).rejects.toThrow(LOST);
    await expect(driver.download([state])).rejects.toThrow(LOST);
  });

  it('loses the States with the device, and useDevice starts anew', async () => {
    const opened: GPUDevice[] = [];
    const prototype: GPUAdapter = Object.getPrototypeOf(await requestAdapter());
    const request = prototype.requestDevice;
    vi.spyOn(prototype, 'requestDevice').mockImplementation(async function (this: GPUAdapter, descriptor) {
      const own = await request.call(this, descriptor);
      opened.push(own);
      return own;
    });
    await useDevice('webgpu');
    const state = new State([1, 2], { label: 'w' });
    state.assign(add(state.read(), 1));
    expect([...(await state.data())]).toEqual([2, 3]);
    opened[0]!.destroy();
    await expect(neg(state.read()).data()).rejects.toThrow(LOST);
    await useDevice('webgpu');
    await expect(async () => state.data()).rejects.toThrow('w was lost');
    state.assign(tensor([7, 8]));
    expect([...(await add(state.read(), 1).data())]).toEqual([8, 9]);
    await useDevice('reference');
  });
});
