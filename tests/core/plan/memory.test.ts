/** The memory plan: two values that live at the same step never share a slot, and slots are as large as what they hold. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { add, mul, relu, square, sub, sum, type Tensor, tensor } from '../../../core/index.ts';
import { assignSlots, type Interval } from '../../../core/plan/memory.ts';
import { arenaSize, explain, type Plan } from '../../../core/plan/plan.ts';
import { reference } from '../../support/devices.ts';
import { evaluate, planFor } from '../../support/evaluate.ts';
import { randomArray } from '../../support/random.ts';

const intervals: fc.Arbitrary<Interval[]> = fc.array(
  fc
    .tuple(fc.integer({ min: 1, max: 100 }), fc.nat(40), fc.nat(10))
    .map(([size, from, length]) => ({ size, from, to: from + length })),
  { maxLength: 60 },
);

describe('assignSlots', () => {
  it('never puts two overlapping lives into one slot, nor a value into a smaller slot', () => {
    fc.assert(
      fc.property(intervals, (list) => {
        const { slots, slotOf } = assignSlots(list);
        list.forEach((one, a) => {
          expect(slots[slotOf[a]!]!).toBeGreaterThanOrEqual(one.size);
          list.forEach((other, b) => {
            if (a < b && slotOf[a] === slotOf[b]) expect(one.to < other.from || other.to < one.from).toBe(true);
          });
        });
      }),
    );
  });
  it('is no worse than a slot per value and no better than the fullest moment', () => {
    fc.assert(
      fc.property(intervals, (list) => {
        const total = assignSlots(list).slots.reduce((sum, size) => sum + size, 0);
        const at = (step: number): number =>
          list.reduce((sum, { size, from, to }) => (from <= step && step <= to ? sum + size : sum), 0);
        expect(total).toBeGreaterThanOrEqual(Math.max(0, ...list.map(({ from }) => at(from))));
        expect(total).toBeLessThanOrEqual(list.reduce((sum, { size }) => sum + size, 0));
      }),
    );
  });
});

/** A random graph: each entry makes one more tensor out of two earlier ones. */
const graphs = fc.array(fc.tuple(fc.constantFrom('add', 'mul', 'sub', 'square', 'relu', 'sum'), fc.nat(1000), fc.nat(1000)), {
  minLength: 1,
  maxLength: 40,
});

function build(recipe: [string, number, number][]): Tensor[] {
  const made: Tensor[] = [tensor(randomArray([3, 4], 1), [3, 4]), tensor(randomArray([4], 2), [4])];
  const op = { add, mul, sub, square, relu, sum: (x: Tensor) => sum(x, 0, true) } as Readonly<
    Record<string, (a: Tensor, b: Tensor) => Tensor>
  >;
  for (const [name, a, b] of recipe) made.push(op[name]!(made[a % made.length]!, made[b % made.length]!));
  return made;
}

/** No live value is overwritten: at each step, the output's slot is not the slot of a value still needed. */
function expectNoOverlap(plan: Plan): void {
  const lastUse = new Map<number, number>();
  plan.steps.forEach((step, k) => {
    for (const input of step.inputs) lastUse.set(input, k);
  });
  for (const read of plan.reads) lastUse.set(read, plan.steps.length);
  plan.steps.forEach((step, k) => {
    const { location } = plan.values[step.output]!;
    plan.values.forEach((value, other) => {
      const alive = plan.steps.findIndex((maker) => maker.output === other) < k && (lastUse.get(other) ?? -1) >= k;
      if (other !== step.output && value.location.in === 'slot' && alive && plan.steps.some((maker) => maker.output === other)) {
        expect(location.in === 'slot' && location.index === value.location.index).toBe(false);
      }
    });
  });
}

describe('plans of random graphs', () => {
  it('never overwrite a live value, and give what separate runs of each tensor give', async () => {
    await fc.assert(
      fc.asyncProperty(graphs, async (recipe) => {
        const tensors = build(recipe);
        const reads = [tensors[tensors.length - 1]!, tensors[Math.floor(tensors.length / 2)]!];
        expectNoOverlap(planFor(reads, reference));
        const together = await evaluate(reads, reference);
        for (const [k, read] of reads.entries()) expect([...together[k]!]).toEqual([...(await evaluate([read], reference))[0]!]);
      }),
      { numRuns: 60 },
    );
  });
  const fusing = { traits: { fuseInputs: 7, fuseSteps: false, writesStates: false }, scratch: () => [] };

  it('fusion keeps a value that has another reader', async () => {
    const y = square(tensor([1, 2, -3]));
    const device = Object.assign(Object.create(reference), fusing);
    expect([...(await evaluate([add(relu(y), sum(y))], device))[0]!]).toEqual([15, 18, 23]);
  });
  it('fusion changes no value', async () => {
    await fc.assert(
      fc.asyncProperty(graphs, async (recipe) => {
        const tensors = build(recipe);
        const reads = [tensors[tensors.length - 1]!, tensors[Math.floor(tensors.length / 2)]!];
        const device = Object.assign(Object.create(reference), fusing);
        expect(await evaluate(reads, device)).toEqual(await evaluate(reads, reference));
      }),
      { numRuns: 100 },
    );
  });
});

describe('explain', () => {
  it('prints steps, slots, writes and reads', () => {
    const x = tensor([1, 2, 3]);
    const plan = planFor([sum(square(relu(x)))], reference);
    expect(arenaSize(plan)).toBe(6);
    expect(explain(plan, { times: [0.5, 0.25, 0.125] })).toBe(
      [
        'step  label  op      inputs  output  where   bytes  ms',
        '0            relu    [3]     [3]     slot 0  12     0.50',
        '1            square  [3]     [3]     slot 1  12     0.25',
        '2            sum     [3]     [1]     slot 0  4      0.13',
        'slots: 2, 24 bytes',
        'writes: none',
        'reads: slot 0',
      ].join('\n'),
    );
  });
});
