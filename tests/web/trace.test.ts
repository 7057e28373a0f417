import { describe, expect, it } from 'vitest';
import { Trace } from '../../web/views/trace.ts';

/** A loss that falls, with one peak. */
const lossOf = (step: number): number => (step === 31_001 ? 9 : 1 + 1 / step);

function traceOf(steps: number): Trace {
  const trace = new Trace('a run', '#000');
  for (let step = 1; step <= steps; step++) {
    trace.add({ kind: 'step', step, epoch: 1, loss: lossOf(step), error: 0.5, imagesPerSecond: 1 });
    if (step % 10_000 === 0) trace.add({ kind: 'epoch', step, epoch: 1, testError: 0.25 });
  }
  return trace;
}

describe('a trace', () => {
  it('has every step of a short run, and means of 25', () => {
    const [steps, losses, means] = traceOf(100).losses();
    const all = Array.from({ length: 100 }, (_, k) => k + 1);
    expect(steps).toEqual(all);
    expect(losses).toEqual(all.map(lossOf));
    const last = all.slice(75).map(lossOf);
    expect(means[99]).toBeCloseTo(last.reduce((sum, loss) => sum + loss, 0) / 25, 12);
    expect(means[1]).toBeCloseTo(1.75, 12);
  });

  it('thins a long run: some thousand points from its first step to its last, every peak and every test', () => {
    const trace = traceOf(60_001);
    const [steps, losses, means] = trace.losses();
    expect(steps.length).toBeGreaterThan(1500);
    expect(steps.length).toBeLessThanOrEqual(4000);
    expect(steps[0]).toBeLessThan(50);
    expect(steps.at(-1)).toBe(60_001);
    const gaps = steps.slice(1).map((step, k) => step - steps[k]!);
    expect(Math.min(...gaps)).toBeGreaterThan(0);
    expect(Math.max(...gaps)).toBeLessThan(50);
    expect(Math.max(...losses)).toBe(9);
    expect(Math.max(...means.slice(100))).toBeLessThan(1.5);
    expect(trace.latest!.error).toBe(50);
    expect(trace.testErrors()).toEqual([
      [10_000, 20_000, 30_000, 40_000, 50_000, 60_000],
      [25, 25, 25, 25, 25, 25],
    ]);
  });
});
