/** Whether GPUs measure each step of a plan, which costs time there; the other devices always do. */
import { debugLevel } from '../debug.ts';

let on = false;

/**
 * Lets the devices webgpu, webgl2 and headlessgl measure the steps of the plans that run from now on, or not any more; `lastPlan().times` has
 * the milliseconds. Waiting for each step makes webgl2 slower, and webgpu too where its adapter has no timestamps.
 */
export function measureSteps(measure: boolean): void {
  on = measure;
}

/** Also where DEBUG asks for times. */
export function measuringSteps(): boolean {
  return on || debugLevel() >= 2;
}
