import type { SimdDevice } from '../core/devices/simd/device.ts';
import type { Tensor } from '../core/index.ts';
import { planFor } from '../tests/support/evaluate.ts';
import { median } from './median.ts';

const RUNS = 12;
const WARM_UP = 3;

export interface StepTime {
  /** Name of the op. */
  readonly op: string;
  readonly milliseconds: number;
}

/** Compiles a plan that gives `outputs`, runs it a few times on numbers between -1 and 1, and gives the median time of each of its steps. */
export async function stepTimes(device: SimdDevice, outputs: readonly Tensor[]): Promise<StepTime[]> {
  const plan = planFor([...outputs], device);
  const prepared = await device.prepare(plan);
  const feeds = plan.feeds.map((value) => new Float32Array(plan.values[value]!.size).map((_, k) => Math.sin(k)));
  const times = plan.steps.map((): number[] => []);
  for (let run = 0; run < RUNS; run++) {
    await prepared.run(feeds, []);
    if (run >= WARM_UP) for (const [k, each] of times.entries()) each.push(prepared.times![k]!);
  }
  prepared.release();
  return plan.steps.map(({ op }, k) => ({ op: op.name, milliseconds: median(times[k]!) }));
}
