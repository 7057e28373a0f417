/** SGD against values worked out by hand, as PyTorch defines momentum, Nesterov, dampening and weight decay. */
import { beforeAll, describe, expect, it } from 'vitest';
import { lastPlan, mul, State, sum, tensor, useDevice } from '../../core/index.ts';
import { SGD, type SGDOptions, withoutDecay } from '../../optim/index.ts';
import { randomArray } from '../support/random.ts';

beforeAll(() => useDevice('reference'));

const parameter = (values: number[] = [1, -2], label = 'w'): State => new State(values, { label, trainable: true });

/** A step with the gradient g. */
function stepWith(optimizer: SGD, states: readonly State[], gradient: readonly number[]): Promise<void> {
  optimizer.zeroGrad();
  for (const state of states) sum(mul(state.read(), tensor([...gradient]))).backward();
  return optimizer.step();
}

/** torch.optim.SGD's loop for one number. */
function pytorch(start: number, gradients: readonly number[], options: SGDOptions): number[] {
  const { learningRate, momentum = 0, dampening = 0, weightDecay = 0, nesterov = false } = options;
  let w = start;
  let buffer: number | undefined;
  return gradients.map((gradient) => {
    const g = gradient + weightDecay * w;
    buffer = buffer === undefined ? g : momentum * buffer + (1 - dampening) * g;
    w -= learningRate * (momentum === 0 ? g : nesterov ? g + momentum * buffer : buffer);
    return w;
  });
}

describe('three steps by hand', () => {
  it('plain: w - 0.1 g', async () => {
    const w = parameter();
    const optimizer = new SGD([w], { learningRate: 0.1 });
    await stepWith(optimizer, [w], [1, 2]);
    expect([...(await w.data())]).toEqual([1 - 0.1, -2 - 0.1 * 2]);
  });

  it('momentum 0.9: v = 1, 1.9, 2.71', async () => {
    const w = parameter([10, 0]);
    const optimizer = new SGD([w], { learningRate: 1, momentum: 0.9 });
    const first: number[] = [];
    for (let k = 0; k < 3; k++) {
      await stepWith(optimizer, [w], [1, 0]);
      first.push((await w.data())[0]!);
    }
    [9, 7.1, 4.39].forEach((value, k) => expect(first[k]).toBeCloseTo(value, 14));
  });

  it('Nesterov 0.5: g + 0.5 v = 1.5, 1.75, 1.875', async () => {
    const w = parameter([10, 0]);
    const optimizer = new SGD([w], { learningRate: 1, momentum: 0.5, nesterov: true });
    const first: number[] = [];
    for (let k = 0; k < 3; k++) {
      await stepWith(optimizer, [w], [1, 0]);
      first.push((await w.data())[0]!);
    }
    expect(first).toEqual([8.5, 6.75, 4.875]);
  });
});

describe('every combination of options', () => {
  const combinations = [0, 0.9].flatMap((momentum) =>
    [0, 0.1].flatMap((weightDecay) =>
      [0, 0.3].flatMap((dampening) =>
        [false, true]
          .filter((nesterov) => !nesterov || (momentum > 0 && dampening === 0))
          .map((nesterov) => ({ learningRate: 0.05, momentum, weightDecay, dampening, nesterov })),
      ),
    ),
  );

  it.each(combinations)('%o', async (options) => {
    const w = parameter();
    const optimizer = new SGD([w], options);
    const gradients = [0.5, -1, 0.25, 2];
    const expected = [1, -2].map((start) => pytorch(start, gradients, options));
    for (const [k, gradient] of gradients.entries()) {
      await stepWith(optimizer, [w], [gradient, gradient]);
      const values = await w.data();
      // Float64 on both sides: only the order of rounding may differ.
      expected.forEach((run, at) => expect(values[at]).toBeCloseTo(run[k]!, 14));
    }
  });
});

describe('a step', () => {
  it('moves only what has a gradient, and says so when nothing has', async () => {
    const [a, b] = [parameter([1, 1], 'a'), parameter([1, 1], 'b')];
    const optimizer = new SGD([a, b], { learningRate: 1, momentum: 0.9, weightDecay: 0.1 });
    expect(() => optimizer.step()).toThrow('call loss.backward() first');
    await stepWith(optimizer, [a], [1, 1]);
    expect([...(await b.data())]).toEqual([1, 1]);
    expect(optimizer.steps).toBe(1);
  });

  it('compiles once for all steps and rates', async () => {
    const w = parameter();
    const optimizer = new SGD([w], { learningRate: 1, momentum: 0.9, weightDecay: 1e-4 });
    await stepWith(optimizer, [w], [1, 1]);
    const plan = lastPlan()!.plan;
    for (const rate of [0.5, 0.1]) {
      optimizer.learningRate = rate;
      await stepWith(optimizer, [w], [1, 1]);
      expect(lastPlan()!.plan).toBe(plan);
    }
    expect(plan.steps.map((step) => step.label)).toContain('w');
  });

  it('may be taken three times in one tick', async () => {
    const w = parameter([0, 0]);
    const optimizer = new SGD([w], { learningRate: 1, momentum: 0.5 });
    void stepWith(optimizer, [w], [1, 0]);
    void stepWith(optimizer, [w], [1, 0]);
    await stepWith(optimizer, [w], [1, 0]);
    expect((await w.data())[0]).toBe(-(1 + 1.5 + 1.75));
  });
});

describe('groups', () => {
  it('have options of their own, and keep their ratio to the rate that a schedule sets', async () => {
    const [a, b] = [parameter([1, 0], 'a'), parameter([1, 0], 'b')];
    const optimizer = new SGD([{ parameters: [a] }, { parameters: [b], learningRate: 0.2, weightDecay: 0 }], {
      learningRate: 0.1,
      weightDecay: 1,
    });
    await stepWith(optimizer, [a, b], [1, 0]);
    expect([(await a.data())[0], (await b.data())[0]]).toEqual([1 - 0.1 * 2, 1 - 0.2]);
    optimizer.learningRate = 0.01;
    await stepWith(optimizer, [b], [1, 0]);
    expect((await b.data())[0]).toBeCloseTo(0.8 - 0.02, 15);
  });

  it('withoutDecay spares what has one axis', () => {
    const weight = new State([[1, 2]], { label: 'conv.weight', trainable: true });
    const [gamma, bias] = [parameter([1], 'bn.weight'), parameter([1], 'fc.bias')];
    expect(withoutDecay([weight, gamma, bias])).toEqual([
      { parameters: [weight] },
      { parameters: [gamma, bias], weightDecay: 0 },
    ]);
  });

  it('and options that make no sense are refused', () => {
    const w = parameter();
    expect(() => new SGD([], { learningRate: 1 })).toThrow('no parameters');
    expect(() => new SGD([w, w], { learningRate: 1 })).toThrow('w is given twice');
    expect(() => new SGD([w], { learningRate: Number.NaN })).toThrow('learningRate NaN');
    expect(() => new SGD([w], { learningRate: 1, momentum: -1 })).toThrow('momentum -1');
    expect(() => new SGD([w], { learningRate: 1, nesterov: true })).toThrow('nesterov needs momentum');
  });
});

describe('stateDict and loadStateDict', () => {
  const options = { learningRate: 0.1, momentum: 0.9, dampening: 0.5 };

  it('go on with the same bits', async () => {
    const [w, resumed] = [parameter(), parameter()];
    const optimizer = new SGD([w], options);
    await stepWith(optimizer, [w], [1, 2]);
    const other = new SGD([resumed], options);
    other.loadStateDict(await optimizer.stateDict());
    resumed.assign(tensor(await w.data()));
    await Promise.all([stepWith(optimizer, [w], [3, 4]), stepWith(other, [resumed], [3, 4])]);
    expect(await resumed.data()).toEqual(await w.data());
    expect(other.steps).toBe(2);
    expect(await other.stateDict()).toEqual(await optimizer.stateDict());
  });

  it('name momentum that does not fit', async () => {
    const momentum = (name: string, data: number[]) => new Map([[name, { shape: [data.length], data: Float64Array.from(data) }]]);
    const optimizer = new SGD([parameter()], options);
    expect(() => optimizer.loadStateDict({ steps: 1, momentum: momentum('v', [1, 2]) })).toThrow('momentum for v, but no such');
    expect(() => optimizer.loadStateDict({ steps: 1, momentum: momentum('w', [1]) })).toThrow(
      'shape [1], but the parameter has [2]',
    );
    const twins = new SGD([parameter(), parameter()], options);
    await expect(twins.stateDict()).rejects.toThrow('two parameters are called w');
  });
});

describe('float32', () => {
  it('on webasm every operation rounds as PyTorch’s unfused loops do, to the last bit', async () => {
    await useDevice('webasm');
    const f = Math.fround;
    const [rate, momentum, weightDecay] = [0.1, 0.9, 1e-4];
    const start = Float32Array.from(randomArray([64], 1));
    const w = new State(start, { label: 'w', trainable: true });
    const optimizer = new SGD([w], { learningRate: rate, momentum, weightDecay, nesterov: true });
    const [expected, buffer] = [start.slice(), new Float32Array(64)];
    for (let step = 0; step < 5; step++) {
      const gradient = Float32Array.from(randomArray([64], 2 + step));
      await stepWith(optimizer, [w], [...gradient]);
      expected.forEach((weight, k) => {
        const g = f(gradient[k]! + f(f(weightDecay) * weight));
        buffer[k] = step === 0 ? g : f(f(f(momentum) * buffer[k]!) + g);
        expected[k] = f(weight - f(f(rate) * f(g + f(f(momentum) * buffer[k]!))));
      });
    }
    expect([...(await w.data())]).toEqual([...expected]);
    await useDevice('reference');
  });
});
