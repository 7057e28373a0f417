/**
 * The WGSL that gpu.js makes of a kernel. gpu.js would go on to take a device of its own and a buffer for every kernel; only its
 * translation is wanted here, so its build is stopped before it touches a device. This relies on the inside of gpu.js 2.24.1
 * exactly, and everything relied on is checked: another version fails with a sentence instead of wrong numbers.
 */
import { type GPU as GpuJs, Input } from 'gpu.js';
import { createGpu, createKernel, degradation } from './gpu-js.ts';
import type { PlacedLaunch } from './program.ts';

/** Bytes from one launch's uniform block to the next: the alignment that every device accepts. */
export const PARAMS_STRIDE = 256;

export interface Wgsl {
  readonly code: string;
  /** Cells along x, y and z that one workgroup computes. */
  readonly workgroup: readonly [number, number, number];
}

/** Threads of a workgroup: a multiple of what any GPU runs in step. */
const THREADS = 64;
/** WebGPU's least limit of workgroups along an axis. */
const MAX_GROUPS = 65_535;
/** A row of threads may have so many times as many places as cells. */
const WASTE = 1.34;

/**
 * The cells that a workgroup takes where there are two axes or three: as many as possible along x, since neighbours there read
 * neighbouring elements, in one transaction, and all else that they read is one element for all of them. gpu.js would take 8 x 8.
 */
export function workgroupFor([x, y = 1, z = 1]: readonly number[]): Wgsl['workgroup'] {
  let width = THREADS;
  while (Math.ceil(x! / width) * width > WASTE * x!) width /= 2;
  while (y > MAX_GROUPS * (THREADS / width) && width > 1) width /= 2;
  const height = Math.min(THREADS / width, powerOfTwo(y));
  return [width, height, Math.min(THREADS / (width * height), powerOfTwo(z))];
}

/** The least power of two that is not below. */
function powerOfTwo(length: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, length)));
}

/** How many workgroups start, and how many cells a row of them has where cells along x alone are folded over x and y. */
export interface Dispatch {
  readonly groups: readonly [number, number, number];
  readonly width: number;
}

export function dispatchOf(cells: readonly number[], workgroup: Wgsl['workgroup'], most: number): Dispatch {
  const [x, y, z] = workgroup.map((size, axis) => Math.ceil((cells[axis] ?? 1) / size));
  if (cells.length > 1) return { groups: [x!, y!, z!], width: 0 };
  const rows = Math.ceil(x! / most);
  const row = Math.ceil(x! / rows);
  return { groups: [row, rows, 1], width: row * workgroup[0] };
}

/** The uniform blocks of the launches: output x, y, z and width, then [length, 1, 1, length] for each array. */
export function paramsOf(launches: readonly PlacedLaunch[], dispatches: readonly Dispatch[]): Uint32Array<ArrayBuffer> {
  const params = new Uint32Array((launches.length * PARAMS_STRIDE) / 4);
  for (const [k, { cells, inputSizes }] of launches.entries()) {
    const [x, y = 1, z = 1] = cells;
    const block = [x!, y, z, dispatches[k]!.width, ...inputSizes.flatMap((size) => [size, 1, 1, size])];
    params.set(block, (k * PARAMS_STRIDE) / 4);
  }
  return params;
}

/** A gpu.js in mode webgpu: it wants to see `navigator.gpu`, which Node does not have, while it is being made. */
export function createTranslator(gpu: GPU): GpuJs {
  if (typeof navigator !== 'undefined' && Reflect.get(navigator, 'gpu') !== undefined) return createGpu('webgpu');
  const before = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
  Object.defineProperty(globalThis, 'navigator', { value: { gpu }, configurable: true });
  try {
    return createGpu('webgpu');
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis, 'navigator');
    else Object.defineProperty(globalThis, 'navigator', before);
  }
}

/** Launches with the same key have the same WGSL: sizes are uniforms, only the number of axes and the shape of workgroups count. */
export function wgslKey({ kernel, constants, inputs, cells }: PlacedLaunch): string {
  const workgroup = cells.length === 1 ? '' : workgroupFor(cells);
  return [kernel.source, JSON.stringify(constants), kernel.lanes, inputs.length, cells.length, workgroup].join('|');
}

/** Translates a launch's kernel. Throws what gpu.js says of a source outside its dialect. */
export function translate(translator: GpuJs, { kernel, constants, inputs, cells }: PlacedLaunch): Wgsl {
  const shortcut = createKernel(translator, kernel, constants, cells);
  const built: object = shortcut.kernel;
  try {
    Reflect.set(built, '_buildAsync', () => Promise.resolve());
    Reflect.apply(
      method(built, 'build'),
      built,
      inputs.map(() => new Input([0], [1])),
    );
    const reason = degradation(shortcut, 'webgpu');
    if (reason !== undefined) throw new Error(`internal: kernel ${kernel.name} left backend webgpu: ${reason}`);
    checkLayout(built, kernel.name, inputs.length, kernel.lanes);
    const given = { code: text(built, 'compiledSource'), workgroup: workgroupOf(built) };
    return cells.length === 1 ? given : reshaped(given, workgroupFor(cells));
  } finally {
    Reflect.apply(method(built, 'destroy'), built, []);
  }
}

function checkLayout(built: object, name: string, inputs: number, lanes: number): void {
  const layout: unknown = Reflect.get(built, 'paramsLayout');
  const seen =
    typeof layout === 'object' && layout !== null
      ? {
          arrays: offsets(Reflect.get(layout, 'arrayArgs')),
          scalars: offsets(Reflect.get(layout, 'scalarArgs')),
          constants: offsets(Reflect.get(layout, 'bufferConstants')),
          seed: Reflect.get(layout, 'randomSeedOffset'),
          bytes: Reflect.get(layout, 'byteLength'),
          lanes: Reflect.get(built, 'componentCount'),
        }
      : undefined;
  const arrays = Array.from({ length: inputs }, (_, k) => 16 * (1 + k));
  const wanted = { arrays, scalars: [], constants: [], seed: null, bytes: 16 * (1 + inputs), lanes };
  if (JSON.stringify(seen) !== JSON.stringify(wanted))
    throw new Error(`internal: gpu.js lays out kernel ${name} as ${JSON.stringify(seen)}, expected ${JSON.stringify(wanted)}`);
}

function offsets(entries: unknown): unknown[] {
  if (!Array.isArray(entries)) return [entries];
  return entries.map((entry: unknown) =>
    typeof entry === 'object' && entry !== null ? Reflect.get(entry, 'dimsOffset') : entry,
  );
}

function workgroupOf(built: object): Wgsl['workgroup'] {
  const size: unknown = Reflect.get(built, 'workgroupSize');
  const [x, y, z]: unknown[] = Array.isArray(size) ? size : [];
  if (typeof x === 'number' && typeof y === 'number' && typeof z === 'number') return [x, y, z];
  throw new Error(`internal: gpu.js has no workgroup size, but ${JSON.stringify(size)}`);
}

/** The same kernel in workgroups of another shape. Each cell is computed by itself, so nothing else depends on it. */
function reshaped({ code, workgroup }: Wgsl, shape: Wgsl['workgroup']): Wgsl {
  const parts = code.split(`@workgroup_size(${workgroup.join(', ')})`);
  if (parts.length !== 2)
    throw new Error('internal: gpu.js states the size of a workgroup in another way; this needs gpu.js 2.24.1');
  return { code: parts.join(`@workgroup_size(${shape.join(', ')})`), workgroup: shape };
}

function text(owner: object, name: string): string {
  const value: unknown = Reflect.get(owner, name);
  if (typeof value === 'string' && value !== '') return value;
  throw new Error(`internal: gpu.js has no ${name}; this needs gpu.js 2.24.1`);
}

function method(owner: object, name: string): (...values: unknown[]) => unknown {
  const value: unknown = Reflect.get(owner, name);
  if (typeof value === 'function') return (...values) => Reflect.apply(value, owner, values);
  throw new Error(`internal: gpu.js has no ${name}(); this needs gpu.js 2.24.1`);
}
