/**
 * The border to gpu.js, pinned to 2.24.1: the one file that touches its loosely typed surface. Nothing outside it needs a cast.
 */
import { GPU, type IGPUKernelSettings, type IKernelRunShortcut } from 'gpu.js';
import type { Kernel } from './kernel.ts';

export type Backend = 'cpu' | 'webasm' | 'webgpu';

/** A gpu.js instance on one named backend; a name never falls back to another. */
export function createGpu(backend: Backend): GPU {
  const gpu = new GPU({ mode: backend });
  gpu.addFunction(idiv, { argumentTypes: { i: 'Number', n: 'Number' }, returnType: 'Number' });
  return gpu;
}

/** Exact floor(i / n) for 0 <= i < 2^24, on every backend; read by gpu.js as text. */
function idiv(i: number, n: number): number {
  let q = Math.floor(i / n);
  const r = i - q * n;
  if (r < 0) {
    q -= 1;
  }
  if (r >= n) {
    q += 1;
  }
  return q;
}

/** A kernel over that many cells along x, y and z, with its constants baked in. */
export function createKernel(
  gpu: GPU,
  kernel: Kernel,
  constants: Readonly<Record<string, number>>,
  cells: readonly number[],
): IKernelRunShortcut {
  const settings: IGPUKernelSettings = {
    output: [...cells],
    constants: { ...constants },
    precision: 'single',
    pipeline: true,
    immutable: true,
    ...(kernel.lanes === 4 ? { returnType: 'Array(4)' } : {}),
  };
  const made = gpu.createKernel(kernel.source, settings);
  letGo(gpu);
  return made;
}

/** gpu.js holds every kernel that it makes until it is destroyed itself; ours live as long as the plans and caches that use them. */
function letGo(gpu: GPU): void {
  const kernels: unknown = Reflect.get(gpu, 'kernels');
  if (Array.isArray(kernels)) kernels.length = 0;
}

/** Why gpu.js moved this kernel to another backend by itself, if it did. */
export function degradation(kernel: IKernelRunShortcut, backend: Backend): string | undefined {
  const { kernel: built } = kernel;
  const reason = Reflect.get(built, 'fallbackReason');
  if (typeof reason === 'string' && reason !== '') return reason;
  const mode = Reflect.get(built.constructor, 'mode');
  return mode === backend ? undefined : `it runs on ${String(mode)}`;
}
