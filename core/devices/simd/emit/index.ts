/**
 * A small WebAssembly emitter: TypeScript that, when run, writes a module. See body.ts for the two kinds of time that meet in a
 * kernel: say which one a loop runs in before writing it.
 */
export { max, min, range, select, span, times, when } from './control.ts';
export { local } from './local.ts';
export { copyBytes, load, loadF32, loadI32, loadSplat, store, storeF32, storeLane, zeroFill } from './memory.ts';
export {
  type EmitOptions,
  type Emittable,
  emitModule,
  hasSimd,
  multiplyAdd,
  subroutine,
  threadScratch,
} from './module.ts';
export { F32, F32Var, I32, I32Var, type Int, scalar } from './scalars.ts';
export { broadcast, F32x4, F32x4Var, I32x4, I32x4Var, splat, type Vector } from './vectors.ts';
