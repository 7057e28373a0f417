/** The simd device: the same bits on any number of threads, failures that name their step, memory, and a process that ends by itself. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { SimdDevice } from '../../../core/devices/simd/device.ts';
import { EngineMemory } from '../../../core/devices/simd/memory.ts';
import {
  batchNorm,
  conv2d,
  gradient,
  log,
  matmul,
  maxPool2d,
  relu,
  State,
  sum,
  type Tensor,
  tensor,
  useDevice,
} from '../../../core/index.ts';
import { record } from '../../../core/op.ts';
import { CANCELLATION_TOLERANCE, reference } from '../../support/devices.ts';
import { evaluate, planFor, relativeError } from '../../support/evaluate.ts';
import { randomArray } from '../../support/random.ts';
import { wild } from '../../support/wild.ts';

const random = (shape: readonly number[], seed: number): Tensor => tensor(Float32Array.from(randomArray(shape, seed)), shape);

/** Every kind of launch, with channels and widths that are and are not multiples of the tile. */
function network(channels: number, width: number): Tensor[] {
  const [x, w] = [random([5, 3, 11, width], 1), random([channels, 3, 3, 3], 2)];
  const [gamma, beta] = [random([channels], 3), random([channels], 4)];
  const normal = batchNorm(conv2d(x, w, { padding: 1, stride: 2 }), gamma, beta);
  const y = maxPool2d(relu(normal.output), { kernelSize: 2 });
  return [y, normal.variance, ...gradient(sum(y), [x, w, gamma, beta])];
}

describe('simd', () => {
  it.each([
    [16, 16],
    [5, 9],
    [33, 41],
  ])('gives the same bits on 1, 2 and 3 threads (%d channels, width %d)', async (channels, width) => {
    const results: Float64Array[][] = [];
    for (const threads of [1, 2, 3]) {
      const device = await SimdDevice.open({ threads });
      results.push((await evaluate(network(channels, width), device)).map((values) => Float64Array.from(values)));
      device.destroy();
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  it('names the step of a trap, and runs other plans and the same one again', async () => {
    const device = await SimdDevice.open({ threads: 2 });
    const x = tensor(new Float32Array(50), [50]);
    const prepared = await device.prepare(planFor([record(wild, [x], {})], device));
    for (let k = 0; k < 3; k++)
      await expect(prepared.run([new Float32Array(50)], [])).rejects.toThrow('wild: memory access out of bounds');
    expect((await evaluate([relu(x)], device))[0]).toHaveLength(50);
    device.destroy();
  });

  it('names the first step whose output holds a NaN', async () => {
    const device = await SimdDevice.open({ threads: 2, stopAtNaN: true });
    const x = tensor([1, -1]);
    await expect(evaluate([sum(conv2d(random([1, 1, 3, 3], 1), random([1, 1, 1, 1], 2))), sum(log(x))], device)).rejects.toThrow(
      /(log|fused): its output holds NaN/,
    );
    device.destroy();
  });

  it('refuses a plan that cannot fit, naming what it needs', async () => {
    const device = await SimdDevice.open({ threads: 1 });
    const plan = planFor([relu(tensor([1]))], device);
    const large = { ...plan, slots: Array.from({ length: 5 }, () => 2 ** 28) };
    await expect(device.prepare(large)).rejects.toThrow(
      /simd: this plan needs 5.00 GiB, and the memory of the device holds [\d.]+ GiB; use a smaller batch/,
    );
    device.destroy();
  });

  it('keeps no hold of an arena that it gave up for one that does not fit', async () => {
    const device = await SimdDevice.open({ threads: 1 });
    device.arenaFor(1024);
    expect(() => device.arenaFor(2 ** 33)).toThrow('a plan whose arena takes 8.00 GiB');
    const other = device.memory.allocate(1024, 'a test');
    expect(device.arenaFor(1024)).not.toBe(other);
    device.destroy();
  });

  it('computes above 2 GiB, where addresses are negative numbers', async () => {
    const device = await SimdDevice.open({ threads: 2 });
    device.memory.allocate(2 ** 31 - 2 ** 15, 'everything below'); // reserved, never touched
    const [x, w] = [random([3, 16, 12, 12], 5), random([16, 16, 3, 3], 6)];
    const wide = conv2d(x, w, { padding: 1 });
    const results = [...network(16, 16), wide, ...gradient(sum(wide), [x, w]), sum(wide, [0, 2]), matmul(w, random([3, 4], 7))];
    const actual = await evaluate(results, device);
    const expected = await evaluate(results, reference);
    results.forEach((_, k) =>
      expect(relativeError(actual[k]!, expected[k]!), `result ${k}`).toBeLessThan(CANCELLATION_TOLERANCE),
    );
    device.destroy();
  });

  it('refuses thread counts that are none', async () => {
    await expect(SimdDevice.open({ threads: 1.5 })).rejects.toThrow('needs to be a whole number of at least 1');
  });

  it('leaves the calling thread free while it computes', async () => {
    const device = await SimdDevice.open({ threads: 1 });
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const [x, w] = [random([16, 64, 56, 56], 1), random([64, 64, 3, 3], 2)];
    await evaluate([conv2d(x, w, { padding: 1 })], device);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(1);
    device.destroy();
  });

  it('takes States from other devices and gives them back', async () => {
    await useDevice('reference');
    const state = new State([1.5, -2, 3]);
    expect([...(await state.data())]).toEqual([1.5, -2, 3]);
    await useDevice('simd', { threads: 2 });
    state.assign(relu(state.read()));
    expect([...(await state.data())]).toEqual([1.5, 0, 3]);
    await useDevice('reference');
    expect([...(await state.data())]).toEqual([1.5, 0, 3]);
  });

  it.each([
    ['after a plan', `console.log((await relu(tensor([-1, 2])).data()).join());`, '0,2'],
    ['that computed nothing', `console.log('idle');`, 'idle'],
  ])('lets a script end by itself %s', (_, body, printed) => {
    const root = fileURLToPath(new URL('../../..', import.meta.url));
    const script = `import { relu, tensor, useDevice } from './core/index.ts'; await useDevice('simd'); ${body}`;
    const output = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
      cwd: root,
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect(output.trim()).toBe(printed);
  });
});

describe('the memory', () => {
  it('gives blocks that never meet, and takes them back', () => {
    const memory = new EngineMemory(true);
    const first = [64, 128, 192, 64].map((bytes) => memory.allocate(bytes, 'a test'));
    first.forEach((address, k) => expect(address % 64, `block ${k}`).toBe(0));
    expect(new Set(first).size).toBe(4);
    memory.release(first[1]!, 128);
    expect(memory.allocate(64, 'a test')).toBe(first[1]);
    memory.release(first[2]!, 192);
    // The rest of block 1 and block 2 are one again.
    expect(memory.allocate(256, 'a test')).toBe(first[1]! + 64);
  });

  it('joins a block with the free ones on both sides', () => {
    const memory = new EngineMemory(true);
    const [a, b, c] = [0, 1, 2, 3].map(() => memory.allocate(64, 'a test'));
    memory.release(c!, 64);
    memory.release(a!, 64);
    memory.release(b!, 64);
    expect(memory.allocate(192, 'a test')).toBe(a);
  });

  it('refuses more than there is, by name', () => {
    const memory = new EngineMemory(true);
    expect(() => memory.allocate(2 ** 33, 'a test')).toThrow(/^a test would bring the memory of device simd to 8.00 GiB/);
  });
});
