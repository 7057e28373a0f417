/**
 * Finds OpenGL: WebGL2 in a page or a worker, else the package `gl` in Node, which is loaded only when it is asked for. gpu.js looks for
 * `gl` from where it lies itself: ours among the packages beside tapegrad; `optional/headlessgl` has a gpu.js of its own.
 */
import { GPU } from 'gpu.js';
import type { Gl } from './gl-arrays.ts';
import type { GlBackend, GpuJs } from './gpu-js.ts';
import { entryOf, isNode, isNotFound, optionalPackage } from './optional-package.ts';

/** The package `gl`: a function that makes contexts. */
type CreateContext = (width: number, height: number, options: { readonly preserveDrawingBuffer: boolean }) => Gl | null;

export interface GlContext {
  readonly gl: Gl;
  /** The gpu.js that has the backend. */
  readonly gpuJs: GpuJs;
}

/** Rejects with a sentence that says what would work here. */
export async function openContext(backend: GlBackend): Promise<GlContext> {
  const found = backend === 'webgl2' ? openWebGl2() : await openHeadlessGl();
  requireFloat(found.gl, backend);
  return found;
}

function openWebGl2(): GlContext {
  const canvas = createCanvas();
  if (canvas === undefined)
    throw new Error(
      'useDevice: webgl2 needs a browser: a page, or a worker that has OffscreenCanvas; in Node use auto, webgpu or headlessgl',
    );
  const gl = canvas.getContext('webgl2', { alpha: false, depth: false, antialias: false, powerPreference: 'high-performance' });
  if (!(gl instanceof WebGL2RenderingContext) || !GPU.isWebGL2Supported)
    throw new Error('useDevice: webgl2 is not offered by this browser, or not on this GPU; use auto or simd');
  return { gl, gpuJs: GPU };
}

function createCanvas(): HTMLCanvasElement | OffscreenCanvas | undefined {
  if (typeof document !== 'undefined') return document.createElement('canvas');
  return typeof OffscreenCanvas === 'undefined' ? undefined : new OffscreenCanvas(1, 1);
}

async function openHeadlessGl(): Promise<GlContext> {
  if (!isNode()) throw new Error('useDevice: headlessgl is for Node; in a browser use webgl2 or auto');
  const { createContext, gpuJs } = await loadHeadlessGl();
  const gl = gpuJs.isHeadlessGLSupported ? createContext(2, 2, { preserveDrawingBuffer: true }) : null;
  if (gl === null)
    throw new Error(
      'useDevice: headlessgl found no OpenGL: the package gl loaded but makes no context (on Linux it needs an X server: run under xvfb-run); use auto or simd',
    );
  return { gl, gpuJs };
}

/** The package `gl` and a gpu.js that found it: our own where `gl` is installed beside it, else those in `optional/headlessgl`. */
async function loadHeadlessGl(): Promise<{ readonly createContext: CreateContext; readonly gpuJs: GpuJs }> {
  const optional = optionalPackage('headlessgl');
  const failures: string[] = [];
  for (const load of [loadBeside, ...(optional === undefined ? [] : [() => loadOptional(optional)])]) {
    try {
      const { createContext, gpuJs } = await load();
      if (isCreateContext(createContext) && hasGpu(gpuJs)) return { createContext, gpuJs: gpuJs.GPU };
    } catch (error) {
      if (!isNotFound(error)) failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  const remedy = optional === undefined ? 'npm install gl@8.1.6' : 'npm ci --prefix optional/headlessgl';
  const why = failures.length === 0 ? '' : ` (it did not load: ${failures.join('; ')})`;
  throw new Error(`useDevice: headlessgl needs the package gl${why}; run ${remedy}, or use auto, simd or webgpu`);
}

/** What was loaded, whatever it is. */
interface Loaded {
  readonly createContext: unknown;
  readonly gpuJs: unknown;
}

async function loadBeside(): Promise<Loaded> {
  const name = 'gl'; // a variable, so that bundlers and compilers do not look for it
  return { createContext: defaultOf(await import(/* @vite-ignore */ name)), gpuJs: { GPU } };
}

async function loadOptional(packageFile: string): Promise<Loaded> {
  const load = async (name: string): Promise<unknown> => defaultOf(await import(/* @vite-ignore */ entryOf(packageFile, name)));
  return { createContext: await load('gl'), gpuJs: await load('gpu.js') };
}

/** Both packages are CommonJS: what they export is the default. */
function defaultOf(module: unknown): unknown {
  return typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined;
}

function isCreateContext(value: unknown): value is CreateContext {
  return typeof value === 'function';
}

function hasGpu(value: unknown): value is { readonly GPU: GpuJs } {
  return typeof value === 'object' && value !== null && 'GPU' in value && typeof value.GPU === 'function';
}

function requireFloat(gl: Gl, backend: GlBackend): void {
  const needed = backend === 'webgl2' ? 'EXT_color_buffer_float' : 'OES_texture_float';
  if (gl.getExtension(needed) === null)
    throw new Error(`useDevice: ${backend} cannot compute into float32 textures here (no ${needed}); use auto or simd`);
}
