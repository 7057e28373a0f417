/**
 * The border to gpu.js, pinned to 2.24.1: the one file that touches its loosely typed surface. Nothing outside it needs a cast.
 */
import { GPU, type IGPUKernelSettings, type IKernelRunShortcut } from 'gpu.js';
import type { Kernel } from './kernel.ts';

export type Backend = 'cpu' | 'webasm' | 'webgpu' | GlBackend;
export type GlBackend = 'webgl2' | 'headlessgl';
/** The class GPU of some gpu.js. */
export type GpuJs = typeof GPU;

/** A gpu.js instance on one named backend; a name never falls back to another. */
export function createGpu(backend: Backend, From: GpuJs = GPU): GPU {
  const gpu = new From({ mode: backend });
  Reflect.apply(gpu.addFunction, gpu, [IDIV, { argumentTypes: { i: 'Number', n: 'Number' }, returnType: 'Number' }]);
  return gpu;
}

/** Exact floor(i / n) for 0 <= i < 2^24, on every backend. It is text because bundlers rename functions, and kernels call it by name. */
const IDIV = `function idiv(i, n) {
  let q = Math.floor(i / n);
  const r = i - q * n;
  if (r < 0) {
    q -= 1;
  }
  if (r >= n) {
    q += 1;
  }
  return q;
}`;

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

/** What a kernel on GL needs beside its constants: the context that all kernels share, and elements of the output. */
export interface GlSettings {
  readonly context: WebGLRenderingContext | WebGL2RenderingContext;
  /** Only its sides are used: gpu.js keeps the size of the largest output there. */
  readonly canvas: { width: number; height: number };
  readonly size: number;
}

/**
 * A kernel that writes four elements a texel whatever its lanes are, in a texture that is nearly square whatever its cells are: gpu.js
 * would give outputs of two dimensions a texture of that width and height, which may exceed what the context has.
 */
export function createGlKernel(
  gpu: GPU,
  kernel: Kernel,
  constants: Readonly<Record<string, number>>,
  cells: readonly number[],
  { context, canvas, size }: GlSettings,
): IKernelRunShortcut {
  const made = gpu.createKernel(kernel.source, {
    output: [...cells],
    constants: { ...constants },
    precision: 'single',
    tactic: 'precision',
    pipeline: true,
    immutable: false,
    context,
    canvas,
    ...(kernel.lanes === 4 ? { returnType: 'Array(4)' } : { optimizeFloatMemory: true }),
  });
  letGo(gpu);
  const built = made.kernel;
  const validate: unknown = Reflect.get(built, 'validateSettings');
  if (typeof validate !== 'function') throw new Error('internal: this is not gpu.js 2.24.1');
  Reflect.set(built, 'validateSettings', (given: unknown) => {
    Reflect.set(built, 'output', [size / kernel.lanes]);
    validate.call(built, given);
    Reflect.set(built, 'output', [...cells]);
  });
  return made;
}

/** What the kernel writes at its next call; it is an array of the driver's, so gpu.js has none to free. */
export function setGlOutput(kernel: IKernelRunShortcut, output: object): void {
  Reflect.set(kernel.kernel, 'texture', output);
  Reflect.set(kernel.kernel, '_textureSwitched', true);
}

/** Compiles the kernel for arrays such as these, without running it, and returns the sides of its output. */
export function buildGlKernel(kernel: IKernelRunShortcut, inputs: readonly object[]): readonly number[] {
  const build: unknown = Reflect.get(kernel.kernel, 'build');
  if (typeof build !== 'function') throw new Error('internal: this is not gpu.js 2.24.1');
  build.apply(kernel.kernel, inputs);
  const sides: unknown = Reflect.get(kernel.kernel, 'texSize');
  return sides instanceof Int32Array ? [...sides] : [];
}

/** Runs a kernel on arrays that are on GL. */
export function callGlKernel(kernel: IKernelRunShortcut, inputs: readonly object[]): void {
  const call: unknown = kernel;
  if (typeof call === 'function') call(...inputs);
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
  if (backend === 'webgl2' || backend === 'headlessgl') return mode === 'gpu' ? undefined : `it runs on ${String(mode)}`;
  return mode === backend ? undefined : `it runs on ${String(mode)}`;
}
