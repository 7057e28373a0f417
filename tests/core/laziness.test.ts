/** The rules that keep laziness honest (docs: design, "The tape"), on the reference and on a device with kernels. */
import { beforeAll, describe, expect, it, vi } from 'vitest';
import {
  add,
  gradient,
  lastPlan,
  mean,
  mul,
  State,
  scale,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  useDevice,
} from '../../core/index.ts';
import { requestStep } from '../../core/plan/flush.ts';

const STALE = /was recorded before a step that has since run and overwritten .*same tick as step\(\)/;

function weights(...values: number[]): State {
  return new State(values, { label: 'w', trainable: true });
}

/** One step of plain gradient descent, as an optimizer does it. */
function descend(w: State, rate = 0.1): Promise<void> {
  w.assign(sub(w.read(), scale(w.grad!.read(), rate)));
  return requestStep();
}

const values = async (state: State | Tensor): Promise<number[]> => [...(await state.data())].map((x) => Math.fround(x));
const rounded = (...numbers: number[]): number[] => numbers.map(Math.fround);

describe.each(['reference', 'simd', 'cpu', 'webasm'] as const)('on %s', (device) => {
  beforeAll(async () => {
    await useDevice(device);
  });

  it('runs nothing before a value is asked for, and one plan for everything asked in a tick', async () => {
    const before = lastPlan()?.plan;
    const w = weights(1, 2);
    const product = mul(w.read(), 3);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(lastPlan()?.plan).toBe(before);
    const [a, b] = await Promise.all([product.data(), sum(product).item()]);
    expect([[...a], b]).toEqual([[3, 6], 9]);
    expect(lastPlan()!.plan.reads).toHaveLength(2);
  });

  it('functional SGD over two weights: both gradients come from the old versions', async () => {
    const [v, w] = [weights(2), weights(3)];
    const loss = mul(v.read(), w.read());
    const [dv, dw] = gradient(sum(loss), [v, w]);
    v.assign(sub(v.read(), dv!));
    w.assign(sub(w.read(), dw!));
    expect([await values(v), await values(w)]).toEqual([[-1], [1]]);
  });

  it('momentum: w.assign(w - lr * v1) reads the version of v assigned in the same tick', async () => {
    const [v, w] = [weights(1), weights(10)];
    v.assign(scale(v.read(), 4));
    w.assign(sub(w.read(), scale(v.read(), 2)));
    expect(await Promise.all([values(v), values(w)])).toEqual([[4], [2]]);
  });

  it('a leaf of an old version is stale once the version is overwritten, and only then', async () => {
    const w = weights(1);
    const old = w.read();
    await mul(old, 2).data(); // overwrites nothing
    w.assign(scale(w.read(), 2));
    await w.data();
    const current = w.read();
    await expect(mul(old, 3).data()).rejects.toThrow(STALE);
    expect(await values(mul(current, 3))).toEqual([6]);
  });

  it('refuses an assignment that would take from a later plan what it reads', async () => {
    const w = weights(1);
    const old = w.read();
    sum(square(old)).backward();
    void descend(w);
    const next = mul(w.read(), 1).data();
    expect(() => w.assign(old)).toThrow('assign: the new value of w was recorded before the last step()');
    expect((await next)[0]).toBeCloseTo(0.8, 6);
  });

  it('two States exchange their values in one plan', async () => {
    const [a, b] = [weights(1, 2), weights(3, 4)];
    const [oldA, oldB] = [a.read(), b.read()];
    a.assign(oldB);
    b.assign(oldA);
    expect(await Promise.all([values(a), values(b)])).toEqual([
      [3, 4],
      [1, 2],
    ]);
  });

  it('logits.data() after step() in the same tick rides along; after the first await it throws', async () => {
    const w = weights(1, 2);
    const logits = mul(w.read(), 2);
    const loss = sum(square(logits));
    loss.backward();
    const step = descend(w);
    const promised = logits.data();
    await step;
    expect([...(await promised)]).toEqual([2, 4]);
    expect(await loss.item()).toBe(20); // each loss whose backward() ran keeps its value
    expect([...(await logits.data())]).toEqual([2, 4]); // as does what was read
    const other = mul(logits, 2);
    expect([...(await other.data())]).toEqual([4, 8]); // a kept value can be used on
    const w2 = weights(5);
    const stale = mul(w2.read(), 2);
    sum(stale).backward();
    await descend(w2);
    await expect(stale.data()).rejects.toThrow(STALE);
    expect(() => gradient(sum(stale), [w2])).toThrow(STALE);
    expect(() => sum(stale).backward()).toThrow(STALE);
    expect(() => w2.assign(stale)).toThrow(STALE);
  });

  it('w.data() before and after assign in one tick gives the old and the new value', async () => {
    const w = weights(1);
    const before = w.data();
    w.assign(mul(w.read(), 5));
    const after = w.data();
    expect([[...(await before)], [...(await after)]]).toEqual([[1], [5]]);
  });

  it('a read before backward() runs the forward pass again but repeats no assignment', async () => {
    const [w, statistic] = [weights(3), weights(0)];
    const y = square(w.read());
    statistic.assign(add(statistic.read(), y));
    const loss = sum(y);
    expect(await loss.item()).toBe(9);
    loss.backward();
    await descend(w);
    expect(await values(statistic)).toEqual([9]);
    expect(await values(w)).toEqual(rounded(3 - 0.6));
  });

  it('awaiting something else between forward and backward is harmless', async () => {
    const w = weights(3);
    const loss = sum(square(w.read()));
    await new Promise((resolve) => setTimeout(resolve, 2));
    loss.backward();
    await new Promise((resolve) => setTimeout(resolve, 2));
    await descend(w);
    expect(await values(w)).toEqual(rounded(3 - 0.6));
  });

  it('three steps without await are three runs of one plan', async () => {
    const w = weights(1);
    const plans = new Set<unknown>();
    const steps = [1, 2, 3].map((x) => {
      w.grad = undefined;
      sum(mul(w.read(), tensor([x]))).backward();
      return descend(w).then(() => plans.add(lastPlan()!.plan));
    });
    await Promise.all(steps);
    expect(plans.size).toBe(1);
    expect((await values(w))[0]).toBeCloseTo(1 - 0.6, 6);
  });

  it('an assignment rides along and starts no flush; a second one in a later tick does', async () => {
    const w = weights(1);
    const before = lastPlan()?.plan;
    w.assign(mul(w.read(), 2));
    await new Promise((resolve) => setTimeout(resolve, 2));
    expect(lastPlan()?.plan).toBe(before);
    w.assign(mul(w.read(), 2));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(lastPlan()?.plan).not.toBe(before);
    expect(await values(w)).toEqual([4]);
  });

  it('other learning rates and batches run the same plan, other shapes another', async () => {
    const w = weights(1);
    const run = async (x: number[], rate: number): Promise<unknown> => {
      w.grad = undefined;
      mean(mul(w.read(), tensor(x))).backward();
      w.assign(sub(w.read(), mul(w.grad!.read(), rate)));
      await requestStep();
      return lastPlan()!.plan;
    };
    const first = await run([1, 2], 0.1);
    expect(await run([3, 4], 0.01)).toBe(first);
    expect(await run([1, 2, 3], 0.1)).not.toBe(first);
  });

  it('a kept loss does not keep its batch alive', async () => {
    const w = weights(1, 2);
    const images = tensor([1, 2]);
    const loss = sum(mul(w.read(), images));
    loss.backward();
    await descend(w);
    expect(loss.source.kind).toBe('spent');
  });

  it('tensor(array) copies', async () => {
    const array = Float64Array.of(1, 2);
    const copied = tensor(array);
    array.fill(9);
    expect([...(await mul(copied, 1).data())]).toEqual([1, 2]);
  });

  it('gradients accumulate over micro-batches, in one plan or several, to the same bits', async () => {
    const [one, several] = [weights(0.3, -0.7), weights(0.3, -0.7)];
    const part = (w: State, k: number): void => mean(square(mul(w.read(), tensor([0.1 * k, 1 / k])))).backward();
    for (const k of [3, 7]) part(one, k);
    for (const k of [3, 7]) {
      part(several, k);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect([...(await one.grad!.data())]).toEqual([...(await several.grad!.data())]);
  });

  it('timers and messages get a turn at every step', async () => {
    const w = weights(1, 2);
    let turns = 0;
    let running = true;
    const count = (): void => {
      turns++;
      if (running) setImmediate(count);
    };
    setImmediate(count);
    for (let k = 0; k < 20; k++) {
      sum(square(w.read())).backward();
      await descend(w, 0.01);
    }
    running = false;
    expect(turns).toBeGreaterThanOrEqual(20);
  });

  it('2,000 small steps leave memory flat', async () => {
    const w = weights(1, 2);
    const step = async (): Promise<void> => {
      w.grad = undefined;
      sum(square(mul(w.read(), tensor(new Float32Array(256).fill(0.01), [128, 2])))).backward();
      await descend(w, 1e-3);
    };
    expect(global.gc, 'vitest.config.ts passes --expose-gc').toBeDefined();
    for (let k = 0; k < 300; k++) await step();
    global.gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let k = 0; k < 2000; k++) await step();
    global.gc?.();
    // 2,000 kept batches would be 2 MB of arrays and 30 MB of nodes; the collector may lag by a few.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(8e6);
  });
});

describe('failures', () => {
  const broken = (): Tensor => {
    const x = tensor([1, 2]);
    // An op whose loops throw stands for a device that fails in the middle of a plan.
    x.source = {
      kind: 'op',
      op: {
        name: 'broken',
        inputs: [],
        shape: () => [2],
        reference: () => {
          throw new Error('out of order');
        },
        gradient: () => [],
        gpu: () => ({ scratch: [], launches: [] }),
      },
      inputs: [],
      options: {},
    };
    return x;
  };

  beforeAll(async () => {
    await useDevice('reference');
  });

  it('reject every promise of the flush, naming the step', async () => {
    const w = weights(1, 2);
    w.assign(broken());
    const results = await Promise.allSettled([w.data(), mul(tensor([1]), 2).data(), requestStep()]);
    expect(results.map((result) => result.status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(String((results[0] as PromiseRejectedResult).reason)).toContain('broken: out of order');
  });

  it('lose the States being written, until they are loaded again', async () => {
    const w = weights(1, 2);
    w.assign(broken());
    await expect(requestStep()).rejects.toThrow('broken: out of order');
    expect(() => w.read()).toThrow(
      'w was lost because the flush that was writing it failed (broken: out of order); load the State again',
    );
    w.assign(tensor([7, 8]));
    expect(await values(w)).toEqual([7, 8]);
  });

  it('of a step that nobody awaits raise no unhandled rejection; the next recording call throws', async () => {
    const unhandled = vi.fn();
    process.on('unhandledRejection', unhandled);
    const w = weights(1, 2);
    w.assign(broken());
    void requestStep();
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
    expect(() => mul(tensor([1]), 2)).toThrow('broken: out of order');
    expect(() => mul(tensor([1]), 2)).not.toThrow();
  });

  it('stopAtNaN names the first step that makes one', async () => {
    await useDevice('reference', { stopAtNaN: true });
    await expect(mul(sub(tensor([Number.POSITIVE_INFINITY]), tensor([Number.POSITIVE_INFINITY])), 2).data()).rejects.toThrow(
      'sub: its output holds NaN',
    );
    await useDevice('reference');
  });
});

describe('useDevice', () => {
  it('moves States through the host', async () => {
    await useDevice('reference');
    const w = weights(1.5, 2.5);
    w.assign(mul(w.read(), 2));
    await w.data();
    expect(await useDevice('cpu')).toBe('cpu');
    expect(await values(w)).toEqual([3, 5]);
    await useDevice('reference');
    expect(await values(w)).toEqual([3, 5]);
  });
  it('refuses names it does not know', async () => {
    await expect(useDevice('gpu3' as never)).rejects.toThrow(
      'useDevice: there is no device "gpu3"; use one of auto, simd, reference, cpu',
    );
  });
});
