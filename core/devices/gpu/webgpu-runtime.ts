/**
 * Finds WebGPU: the browser's own, else Dawn's binding for Node (the package `webgpu`), which is loaded only when it is asked for.
 */
import { entryOf, isNode, isNotFound, optionalPackage } from './optional-package.ts';

/** What the package `webgpu` exports, as far as it is needed here. */
interface Binding {
  create(options: readonly string[]): GPU;
}

/** Adapters that compute on the CPU, by what they say of themselves. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|software|basic render/i;

let found: Promise<GPU> | undefined;

/**
 * The process's one GPU object. It is never let go: Dawn aborts the process when it is collected before its devices.
 * Rejects with a sentence that says how to get WebGPU here.
 */
export function findGpu(): Promise<GPU> {
  found ??= find().catch((error: unknown) => {
    found = undefined;
    throw error;
  });
  return found;
}

/** The fastest adapter that answers, hardware or not; null when none does. */
export async function requestAdapter(): Promise<GPUAdapter | null> {
  return (await findGpu()).requestAdapter({ powerPreference: 'high-performance' });
}

/** True unless the adapter is, or says that it is, a program on the CPU. */
export function isHardware(adapter: Pick<GPUAdapter, 'info'>): boolean {
  const { vendor, architecture, device, description, isFallbackAdapter } = adapter.info;
  // Before 2025 the flag was on the adapter itself.
  if (isFallbackAdapter || Reflect.get(adapter, 'isFallbackAdapter') === true) return false;
  return !SOFTWARE.test([vendor, architecture, device, description].join(' '));
}

async function find(): Promise<GPU> {
  const own: unknown = typeof navigator === 'undefined' ? undefined : Reflect.get(navigator, 'gpu');
  if (isGpu(own)) return own;
  if (!isNode())
    throw new Error('useDevice: webgpu is not offered by this browser, or not to pages without https; use auto or simd');
  const optional = optionalPackage('webgpu');
  const failures: string[] = [];
  for (const locate of [() => 'webgpu', ...(optional === undefined ? [] : [() => entryOf(optional, 'webgpu')])]) {
    try {
      const binding: unknown = await import(/* @vite-ignore */ locate());
      if (isBinding(binding)) return binding.create([]);
    } catch (error) {
      if (!isNotFound(error)) failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(missing(optional, failures));
}

function missing(optional: string | undefined, failures: readonly string[]): string {
  const remedy = optional === undefined ? 'npm install webgpu@0.6.2' : 'npm ci --prefix optional/webgpu';
  const why = failures.length === 0 ? '' : ` (it did not load: ${failures.join('; ')})`;
  return `useDevice: webgpu in Node needs the package webgpu${why}; run ${remedy}, or use auto or simd`;
}

function isGpu(value: unknown): value is GPU {
  return typeof value === 'object' && value !== null && 'requestAdapter' in value;
}

function isBinding(module: unknown): module is Binding {
  return typeof module === 'object' && module !== null && 'create' in module && typeof module.create === 'function';
}

/** Whether WebGPU answers with a GPU: software adapters, which are slower than the CPU devices, do not count. */
export async function hasHardwareAdapter(): Promise<boolean> {
  try {
    const adapter = await requestAdapter();
    return adapter !== null && isHardware(adapter);
  } catch {
    return false;
  }
}
