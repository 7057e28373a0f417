/** The webasm driver: threads, traps, memory, and a process that ends by itself. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { GpuDevice } from '../../../core/devices/gpu/device.ts';
import { type GpuProgram, kernel } from '../../../core/devices/gpu/kernel.ts';
import { conv2d, gradient, relu, sum, type Tensor, tensor } from '../../../core/index.ts';
import { type Op, record } from '../../../core/op.ts';
import { evaluate, planFor } from '../../support/evaluate.ts';
import { randomArray } from '../../support/random.ts';

/** A convolution and its gradients: launches of every kind, widths that are and are not multiples of 4. */
function network(width: number): Tensor[] {
  const x = tensor(Float32Array.from(randomArray([3, 4, 9, width], 1)), [3, 4, 9, width]);
  const w = tensor(Float32Array.from(randomArray([6, 4, 3, 3], 2)), [6, 4, 3, 3]);
  const y = relu(conv2d(x, w, { padding: 1 }));
  return [y, ...gradient(sum(y), [x, w])];
}

/** An op whose kernel reads far outside its input, which WebAssembly traps. */
const wild: Op<Readonly<Record<string, never>>> = {
  name: 'wild',
  inputs: ['x'],
  shape: ([x]) => x!,
  reference: () => undefined,
  gradient: () => [null],
  gpu: (): GpuProgram => ({
    scratch: [],
    launches: [
      {
        kernel: kernel('wild', 'function (x) { return x[this.constants.far + this.thread.y]; }'),
        constants: { far: 2 ** 27 },
        inputs: [{ input: 0 }],
        output: 'output',
        cells: [1, 5000],
      },
    ],
  }),
};

describe('webasm', () => {
  it.each([8, 9, 61])('gives the same bits on 1, 2 and 3 threads (width %d)', async (width) => {
    const results: Float64Array[][] = [];
    for (const threads of [1, 2, 3]) {
      const device = await GpuDevice.open('webasm', { threads });
      results.push((await evaluate(network(width), device)).map((values) => Float64Array.from(values)));
      device.destroy();
    }
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
  });

  it('names the step of a trap, and runs the next plan', async () => {
    const device = await GpuDevice.open('webasm', { threads: 2 });
    const x = tensor(new Float32Array(5000), [5000]);
    await expect(evaluate([record(wild, [x], {})], device)).rejects.toThrow('wild: memory access out of bounds');
    expect((await evaluate([relu(x)], device))[0]).toHaveLength(5000);
    device.destroy();
  });

  it('runs a plan again after a trap in it', async () => {
    const device = await GpuDevice.open('webasm', { threads: 2 });
    const prepared = await device.prepare(planFor([record(wild, [tensor(new Float32Array(5000), [5000])], {})], device));
    for (let k = 0; k < 3; k++) await expect(prepared.run([new Float32Array(5000)], [])).rejects.toThrow('wild');
    device.destroy();
  });

  it('leaves the calling thread free while it computes', async () => {
    const device = await GpuDevice.open('webasm', { threads: 1 });
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const x = tensor(new Float32Array(16 * 32 * 32 * 8), [8, 16, 32, 32]);
    const w = tensor(new Float32Array(16 * 16 * 9), [16, 16, 3, 3]);
    await evaluate([conv2d(conv2d(x, w, { padding: 1 }), w, { padding: 1 })], device);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(1);
    device.destroy();
  });

  it('refuses what WebAssembly cannot address, naming the peak', async () => {
    const device = await GpuDevice.open('webasm', { threads: 1 });
    const parts = Array.from({ length: 80 }, () => relu(tensor(new Float32Array(1)))); // 80 values alive at once
    const plan = planFor(parts, device);
    const large = { ...plan, slots: plan.slots.map(() => 2 ** 24) };
    await expect(device.prepare(large)).rejects.toThrow(
      'webasm: this plan needs 5121 MiB, and WebAssembly addresses 4,096 MiB; use a smaller batch',
    );
    device.destroy();
  });

  it('refuses thread counts that are none', async () => {
    await expect(GpuDevice.open('webasm', { threads: 0 })).rejects.toThrow(
      'useDevice: 0 threads given; it needs to be a whole number of at least 1',
    );
  });

  it('lets a script end by itself', () => {
    const root = fileURLToPath(new URL('../../..', import.meta.url));
    const script = `import { relu, tensor, useDevice } from './core/index.ts'; await useDevice('webasm'); console.log((await relu(tensor([-1, 2])).data()).join());`;
    const output = execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script], {
      cwd: root,
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect(output.trim()).toBe('0,2');
  });
});
