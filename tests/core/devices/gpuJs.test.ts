/** The border to gpu.js. */
import { expect, it } from 'vitest';
import { createGpu, createKernel } from '../../../core/devices/gpu/gpu-js.ts';
import { type KernelThis, kernel } from '../../../core/devices/gpu/kernel.ts';

it('gpu.js holds none of the kernels made: they go when the caches that use them let go', async () => {
  const gpu = createGpu('cpu');
  const twice = kernel('twice', function (this: KernelThis, x: Float32Array) {
    return 2 * x[this.thread.x]!;
  });
  const made = [3, 4, 5].map((cells) => createKernel(gpu, twice, {}, [cells]));
  expect(made[0]!(Float32Array.of(1, 2, 3))).toEqual(Float32Array.of(2, 4, 6));
  expect(Reflect.get(gpu, 'kernels')).toEqual([]);
  await gpu.destroy();
});
