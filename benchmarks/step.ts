/**
 * One row of the table of training steps, in a process of its own: `step.ts MODEL BATCH SIDE THREADS STEPS` prints a JSON line. The
 * step is everything: forward, loss, backward, update, and reading the loss back.
 */
import { lastPlan, tensor, useDevice } from 'tapegrad';
import { modelTable } from 'tapegrad/models';
import { crossEntropy, measure } from 'tapegrad/nn';
import { SGD } from 'tapegrad/optim';
import { measureProbe, median } from './probe.ts';

export interface StepRow {
  readonly model: string;
  readonly batch: number;
  readonly threads: number;
  readonly milliseconds: number;
  readonly imagesPerSecond: number;
  /** Direct multiply-adds of the step, a probe of one thread being 1. */
  readonly effective: number;
  /** Share of the step spent on the calling thread before the flush: recording. */
  readonly recording: number;
  /** From the start of the process to the first loss. */
  readonly firstStepSeconds: number;
  readonly arenaMebibytes: number;
}

/** Forward, and the gradients by input and by weight: a multiply-add of the forward pass comes three times. */
const PASSES = 3;

async function run(name: string, batch: number, side: number, threads: number, steps: number): Promise<StepRow> {
  await useDevice('simd', { threads });
  const model = modelTable.get(name)!.build({ classes: side === 32 ? 10 : 1000, seed: 0 });
  const optimizer = new SGD(model.parameters(), { learningRate: 0.01, momentum: 0.9, weightDecay: 1e-4 });
  const pixels = new Float32Array(batch * 3 * side * side).map((_, k) => Math.sin(12.9898 * k));
  const labels = Array.from({ length: batch }, (_, k) => k % 10);
  const times: number[] = [];
  const recordings: number[] = [];
  let first = 0;
  for (let step = 0; step < steps; step++) {
    const started = performance.now();
    const loss = crossEntropy(model.forward(tensor(pixels, [batch, 3, side, side])), tensor(labels));
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    const recorded = performance.now();
    await loss.item();
    if (step === 0) first = performance.now() / 1000;
    if (step < 2) continue;
    times.push(performance.now() - started);
    recordings.push(recorded - started);
  }
  const milliseconds = median(times);
  const plan = lastPlan()!.plan;
  await useDevice('reference');
  const probe = await measureProbe();
  const operations = 2 * PASSES * measure(model, [batch, 3, side, side]).multiplyAdds;
  return {
    model: name,
    batch,
    threads,
    milliseconds,
    imagesPerSecond: (1000 * batch) / milliseconds,
    effective: operations / (milliseconds * 1e6) / probe,
    recording: median(recordings) / milliseconds,
    firstStepSeconds: first,
    arenaMebibytes: plan.slots.reduce((sum, size) => sum + size, 0) / 2 ** 18,
  };
}

const [name, ...numbers] = process.argv.slice(2);
const [batch, side, threads, steps] = numbers.map(Number) as [number, number, number, number];
console.log(JSON.stringify(await run(name!, batch, side, threads, steps)));
