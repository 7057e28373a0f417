/** An op that fails on device simd while it runs. */
import { loadF32, local } from '../../core/devices/simd/emit/index.ts';
import type { Op } from '../../core/op.ts';

/** An op whose kernel reads outside of the memory, which WebAssembly traps. */
export const wild: Op<Readonly<Record<string, never>>> = {
  name: 'wild',
  inputs: ['x'],
  shape: ([x]) => x!,
  reference: () => undefined,
  gradient: () => [null],
  gpu: () => ({ scratch: [], launches: [] }),
  simd: () => ({
    scratch: [],
    threadScratch: 0,
    launches: [{ kernel: { name: 'wild', parameters: 1, emit: () => void loadF32(local(-8)) }, tasks: 3, args: [] }],
  }),
};
