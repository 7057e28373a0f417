/**
 * Random programs (read, record, assign, ask, backward, step, await, in any order) against the eager model: the same values, and the same
 * refusals at the same places.
 */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { add, mean, mul, State, scale, sum, type Tensor, tanh, tensor, useDevice } from '../../core/index.ts';
import { Module } from '../../nn/index.ts';
import { SGD } from '../../optim/index.ts';
import { apply, constant, EagerModel, type Formula, ModelState, type Node, Stale, type Vector } from '../support/eagerModel.ts';

const RATE = 0.1;
const STALE = /was recorded before (a step that has since run|the last step\(\), and)/;

interface Pair {
  readonly ours: Tensor;
  readonly theirs: Node;
}

const KINDS = [
  'read',
  'read',
  'feed',
  'add',
  'mul',
  'tanh',
  'scale',
  'assign',
  'ask',
  'ask',
  'backward',
  'step',
  'zeroGrad',
  'forget',
  'layer',
  'mode',
  'await',
] as const;
type Command = readonly [kind: (typeof KINDS)[number], a: number, b: number];
const commands: fc.Arbitrary<Command[]> = fc.array(fc.tuple(fc.constantFrom(...KINDS), fc.nat(99), fc.nat(99)), {
  minLength: 5,
  maxLength: 60,
});

const HALF_SUM: Formula = { value: ([s, t]) => (s! + t!) / 2, partials: () => [0.5, 0.5] };
const PRODUCT: Formula = { value: ([s, t]) => s! * t!, partials: ([s, t]) => [t!, s!], needs: ([p, q]) => [[q!], [p!]] };
const TANH: Formula = {
  value: ([s]) => Math.tanh(s!),
  partials: ([s]) => [1 - Math.tanh(s!) ** 2],
  needs: (_, output) => [[output]],
};
const SCALED: Formula = { value: ([s]) => -1.5 * s!, partials: () => [-1.5] };
const HALF: Formula = { value: ([s]) => s! / 2, partials: () => [0.5] };
const MOVING_MEAN: Formula = { value: ([r, s]) => 0.9 * r! + 0.1 * s!, partials: () => [0.9, 0.1] };
const IDENTITY: Formula = { value: ([s]) => s!, partials: () => [1] };

/** As batch norm: in training it moves a statistic along, in evaluation it uses it. */
class RunningMean extends Module {
  readonly running = new State([1, 1, 1], { label: 'running' });

  forward(x: Tensor): Tensor {
    if (!this.training) return mul(x, this.running.read());
    this.running.assign(add(scale(this.running.read(), 0.9), scale(x, 0.1)));
    return scale(x, 0.5);
  }
}

/** The framework and the model side by side. */
class Run {
  private readonly model = new EagerModel();
  private readonly states = [1, -0.5, 0.25].map((value, k) => {
    const start: Vector = [value, value / 2, -value];
    const trainable = k < 2;
    return { ours: new State([...start], { trainable, label: `s${k}` }), theirs: new ModelState(start, trainable) };
  });
  private readonly optimizer = new SGD(
    this.states.filter(({ ours }) => ours.trainable).map(({ ours }) => ours),
    { learningRate: RATE },
  );
  private readonly layer = new RunningMean();
  private readonly running = new ModelState([1, 1, 1], false);
  private pool: Pair[] = [];
  private asked: { readonly promise: Promise<ArrayLike<number>>; readonly expected: Vector | 'stale' }[] = [];

  constructor(private readonly digits: number) {}

  /** Everything but `await`: without one, commands share a tick. */
  execute([kind, a, b]: Command): void {
    if (kind === 'step') {
      this.both(
        () => this.optimizer.step().catch(() => undefined),
        () => this.step(),
      );
      return;
    }
    if (kind === 'zeroGrad') {
      this.optimizer.zeroGrad();
      for (const { theirs } of this.states) theirs.hasGradient = false;
      return;
    }
    if (kind === 'read' || this.pool.length === 0) {
      const { ours, theirs } = this.states[a % 3]!;
      this.pool.push({ ours: ours.read(), theirs: theirs.read() });
    } else if (kind === 'feed') this.feed(1 + (a % 4), b);
    else this.onPool(kind, this.pool[a % this.pool.length]!, this.pool[b % this.pool.length]!, a, b);
  }

  private onPool(kind: Command[0], x: Pair, y: Pair, a: number, b: number): void {
    if (kind === 'forget') this.pool.splice(a % this.pool.length, 1);
    else if (kind === 'mode') this.layer.train(!this.layer.training);
    else if (kind === 'layer') this.throughLayer(x);
    else if (kind === 'ask') this.ask(x);
    else if (kind === 'assign') {
      const state = this.states[b % 3]!;
      this.both(
        () => state.ours.assign(x.ours),
        () => this.model.assign(state.theirs, x.theirs),
      );
    } else if (kind === 'backward') this.backward(x);
    else this.record(kind, x, y);
  }

  private record(kind: Command[0], { ours: x, theirs: p }: Pair, { ours: y, theirs: q }: Pair): void {
    if (kind === 'add') this.keep(scale(add(x, y), 0.5), apply([p, q], HALF_SUM));
    if (kind === 'mul') this.keep(mul(x, y), apply([p, q], PRODUCT));
    if (kind === 'tanh') this.keep(tanh(x), apply([p], TANH));
    if (kind === 'scale') this.keep(scale(x, -1.5), apply([p], SCALED));
  }

  private throughLayer({ ours: x, theirs: p }: Pair): void {
    const { training } = this.layer;
    let ours: Tensor | undefined;
    this.both(
      () => {
        ours = this.layer.forward(x);
      },
      () => training && this.model.assign(this.running, apply([this.running.read(), p], MOVING_MEAN)),
    );
    if (ours === undefined) return;
    this.keep(ours, training ? apply([p], HALF) : apply([p, this.running.read()], PRODUCT));
  }

  private keep(ours: Tensor, theirs: Node): void {
    this.pool.push({ ours, theirs });
  }

  /** A batch of so many rows, averaged: other sizes are other plans. */
  private feed(rows: number, seed: number): void {
    const data = Array.from({ length: rows }, (_, n) => [0, 1, 2].map((k) => Math.sin(seed + 3 * n + k)));
    const average = (k: number): number => data.reduce((total, row) => total + row[k]!, 0) / rows;
    this.keep(mean(tensor(data), 0), constant([average(0), average(1), average(2)]));
  }

  private ask({ ours, theirs }: Pair): void {
    let expected: Vector | 'stale';
    try {
      expected = this.model.ask(theirs);
    } catch (error) {
      if (!(error instanceof Stale)) throw error;
      expected = 'stale';
    }
    const promise = ours.data();
    promise.catch(() => undefined); // looked at when the tick ends
    this.asked.push({ promise, expected });
  }

  private backward({ ours, theirs }: Pair): void {
    if (![...theirs.slopes.keys()].some(({ leaf }) => leaf!.state.trainable)) return;
    const loss = apply([theirs], IDENTITY);
    this.both(
      () => sum(ours).backward(),
      () => this.model.backward(theirs, loss),
    );
  }

  private step(): void {
    if (!this.states.some(({ theirs }) => theirs.hasGradient)) throw new Error('no parameter has a gradient');
    this.model.step(
      this.states.filter(({ theirs }) => theirs.trainable).map(({ theirs }) => theirs),
      RATE,
    );
  }

  /** Both do it, or both refuse. */
  private both(ours: () => unknown, theirs: () => unknown): void {
    const refusal = (act: () => unknown): string | undefined => {
      try {
        act();
        return undefined;
      } catch (error) {
        if (error instanceof Stale || (error instanceof Error && STALE.test(error.message))) return 'stale';
        if (error instanceof Error && error.message.includes('no parameter has a gradient')) return 'no gradient';
        throw error;
      }
    };
    expect(refusal(ours)).toBe(refusal(theirs));
  }

  async endTick(): Promise<void> {
    this.model.endTick();
    for (const { promise, expected } of this.asked.splice(0)) {
      if (expected === 'stale') {
        await expect(promise).rejects.toThrow(STALE);
        continue;
      }
      const actual = await promise;
      expected.forEach((value, k) => expect(actual[k]).toBeCloseTo(value, this.digits));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

describe.each([
  ['reference', 10, 600],
  ['simd', 4, 200],
] as const)('random programs on %s', (device, digits, numRuns) => {
  beforeAll(async () => {
    await useDevice(device);
  });
  it('give the values of the eager model, and refuse what it refuses', () =>
    fc.assert(
      fc.asyncProperty(commands, async (program) => {
        const run = new Run(digits);
        for (const command of program) {
          if (command[0] === 'await') await run.endTick();
          else run.execute(command);
        }
        await run.endTick();
      }),
      { numRuns },
    ));
});
