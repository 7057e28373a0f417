/** A training step as text: its tape before it runs, its plan and times after it. */
import { describe, explain, lastPlan, type Tensor } from 'tapegrad';
import type { StepText } from '../protocol.ts';

export class StepRecorder {
  private tape = '';

  record(loss: Tensor): void {
    this.tape = describe(loss);
  }

  after(): StepText {
    const latest = lastPlan();
    if (latest === undefined) throw new Error('internal: a step was taken but no plan has run');
    return { tape: this.tape, plan: explain(latest.plan, latest), times: timesByOp(latest) };
  }
}

function timesByOp({ plan, times }: NonNullable<ReturnType<typeof lastPlan>>): StepText['times'] {
  const sums = new Map<string, { count: number; milliseconds: number }>();
  plan.steps.forEach(({ op }, k) => {
    const sum = sums.get(op.name) ?? { count: 0, milliseconds: 0 };
    sums.set(op.name, { count: sum.count + 1, milliseconds: sum.milliseconds + (times?.[k] ?? 0) });
  });
  return [...sums].map(([op, sum]) => ({ op, ...sum })).sort((a, b) => b.milliseconds - a.milliseconds);
}
