/**
 * One row of the table of training steps, in a process of its own: `step.ts MODEL BATCH SIDE THREADS STEPS` prints a JSON line. The
 * step is everything: forward, loss, backward, update, and reading the loss back. With `forward` behind them it is the forward pass in
 * evaluation mode alone.
 */
import { lastPlan, useDevice } from 'tapegrad';
import { measure } from 'tapegrad/nn';
import { median } from './median.ts';
import { measureProbe } from './probe.ts';
import { trainingStep } from './trainingStep.ts';

export interface StepRow {
  readonly model: string;
  readonly batch: number;
  readonly threads: number;
  readonly milliseconds: number;
  readonly imagesPerSecond: number;
  /** Direct multiply-adds of the step, a probe of one thread being 1. */
  readonly effective: number;
  /** Share of the step in which no kernel runs: recording, keying, dispatch, feeds and reads. */
  readonly overhead: number;
  /** From the start of the process to the first loss. */
  readonly firstStepSeconds: number;
  /** What the plan's values take, and the process at its peak. */
  readonly arenaMebibytes: number;
  readonly peakMebibytes: number;
}

/** Forward, and the gradients by input and by weight: a multiply-add of the forward pass comes three times. */
const PASSES = 3;
/** Steps, and a time, in which kernels and recording are not yet compiled for speed. */
const WARM_UP_STEPS = 5;
const WARM_UP_MILLISECONDS = 3000;

async function run(
  name: string,
  batch: number,
  side: number,
  threads: number,
  steps: number,
  part: 'all' | 'forward',
): Promise<StepRow> {
  await useDevice('simd', { threads });
  const timed = trainingStep(name, batch, side, part);
  await timed.step();
  const first = performance.now();
  for (let step = 1; step < WARM_UP_STEPS || performance.now() < first + WARM_UP_MILLISECONDS; step++) await timed.step();
  const times: number[] = [];
  const overheads: number[] = [];
  for (let step = 0; step < steps; step++) {
    const started = performance.now();
    await timed.step();
    const time = performance.now() - started;
    times.push(time);
    overheads.push(1 - lastPlan()!.times!.reduce((sum, each) => sum + each, 0) / time);
  }
  const milliseconds = median(times);
  const plan = lastPlan()!.plan;
  await useDevice('reference');
  const probe = await measureProbe();
  const operations = 2 * (part === 'forward' ? 1 : PASSES) * measure(timed.model, [batch, 3, side, side]).multiplyAdds;
  return {
    model: name,
    batch,
    threads,
    milliseconds,
    imagesPerSecond: (1000 * batch) / milliseconds,
    effective: operations / (milliseconds * 1e6) / probe,
    overhead: median(overheads),
    firstStepSeconds: first / 1000,
    arenaMebibytes: plan.slots.reduce((sum, size) => sum + size, 0) / 2 ** 18,
    peakMebibytes: process.resourceUsage().maxRSS / 2 ** 10,
  };
}

const [name, batch, side, threads, steps, part] = process.argv.slice(2);
console.log(
  JSON.stringify(
    await run(name!, Number(batch), Number(side), Number(threads), Number(steps), part === 'forward' ? part : 'all'),
  ),
);
