/** What a Module gives to those who write one: names, labels, modes, saved values. No layer is needed for it. */
import { beforeAll, describe, expect, it } from 'vitest';
import { add, lastPlan, mul, ShapeError, State, sum, type Tensor, tensor, useDevice } from '../../core/index.ts';
import { Module, Sequential } from '../../nn/index.ts';

class Gain extends Module {
  readonly weight = new State([2, 3], { label: 'weight', trainable: true });
  readonly runningMean = new State([0, 0]);

  forward(x: Tensor): Tensor {
    if (this.training) this.runningMean.assign(x);
    return mul(x, this.weight.read());
  }
}

class Net extends Module {
  readonly first = new Gain();
  readonly blocks = [new Gain(), new Sequential(new Gain(), new Gain())];
  readonly scaleUp = new Gain();
  readonly count = 3;

  forward(x: Tensor): Tensor {
    const y = this.blocks.reduce((input, block) => block.forward(input), this.first.forward(x));
    return add(this.scaleUp.forward(y), 1);
  }
}

/** Two inputs, and a module that is no property: it has no name, so its ops carry the caller's. */
class Pair extends Module {
  readonly left = new Gain();
  private readonly hidden = new Map([['gain', new Gain()]]);

  forward(a: Tensor, b: Tensor): Tensor {
    return add(this.left.forward(a), this.hidden.get('gain')!.forward(b));
  }
}

beforeAll(() => useDevice('reference'));

describe('names', () => {
  it('follow the definition, with arrays by index and camelCase as PyTorch writes it', () => {
    expect(new Net().namedParameters().map(([name]) => name)).toEqual([
      'first.weight',
      'blocks.0.weight',
      'blocks.1.0.weight',
      'blocks.1.1.weight',
      'scale_up.weight',
    ]);
    expect(new Net().namedBuffers()[0]?.[0]).toBe('first.running_mean');
    expect(new Net().buffers().length).toBe(5);
  });

  it('list a shared State once as a parameter, but twice among the saved values', async () => {
    class Tied extends Module {
      readonly a = new State([1], { trainable: true });
      readonly b = this.a;
      forward(x: Tensor): Tensor {
        return mul(x, this.b.read());
      }
    }
    const net = new Tied();
    expect(net.parameters()).toEqual([net.a]);
    expect([...(await net.stateDict()).keys()]).toEqual(['a', 'b']);
  });

  it('end when a module refers back to its parent', () => {
    class Child extends Module {
      parent: Module | undefined;
      readonly weight = new State([1], { trainable: true });
      forward(x: Tensor): Tensor {
        return x;
      }
    }
    const child = new Child();
    const root = new Sequential(child);
    child.parent = root;
    expect(root.namedParameters().map(([name]) => name)).toEqual(['0.weight']);
  });
});

describe('labels', () => {
  const labelsOf = (output: Tensor): string[] =>
    output.source.kind === 'op' ? [output.label, ...output.source.inputs.flatMap(labelsOf)] : [];

  it('are the full path, given when the outermost forward begins', () => {
    const net = new Net();
    const output = net.forward(tensor([1, 2]));
    expect([...new Set(labelsOf(output))]).toEqual(['', 'scale_up', 'blocks.1.1', 'blocks.1.0', 'blocks.0', 'first']);
    expect(net.scaleUp.weight.label).toBe('scale_up.weight');
  });

  it('follow a module that is replaced, and stay when a part is called alone', () => {
    const net = new Net();
    net.forward(tensor([1, 2]));
    expect(net.blocks[1]!.forward(tensor([1, 2])).label).toBe('blocks.1.1');
    net.blocks[0] = new Gain();
    expect(labelsOf(net.forward(tensor([1, 2])))).toContain('blocks.0');
  });

  it('of a module that is no property are its caller’s', () => {
    const net = new Sequential(new Pair());
    const outputs = labelsOf((net.layers[0] as Pair).forward(tensor([1, 2]), tensor([3, 4])));
    expect(outputs).toEqual(['', 'left', '']);
    net.assignPaths();
    expect(labelsOf((net.layers[0] as Pair).forward(tensor([1, 2]), tensor([3, 4])))).toEqual(['0', '0.left', '0']);
  });

  it('name steps of the plan, their gradients too, and Errors leave none behind', async () => {
    const net = new Net();
    expect(() => net.forward(tensor([1, 2, 3]))).toThrow(ShapeError);
    const loss = sum(net.forward(tensor([1, 2])));
    expect(loss.label).toBe('');
    loss.backward();
    await loss.item();
    expect(lastPlan()?.plan.steps.map((step) => step.label)).toContain('blocks.1.0 / mul gradient of b');
    expect(lastPlan()?.plan.states.map((state) => state.label)).toContain('blocks.1.0.weight.grad');
  });
});

describe('train and eval', () => {
  it('reach every module', () => {
    const net = new Net();
    expect(net.eval()).toBe(net);
    expect([...net.namedModules().keys()].some((module) => module.training)).toBe(false);
    net.train();
    expect([...net.namedModules().keys()].every((module) => module.training)).toBe(true);
  });
});

describe('zeroGrad', () => {
  it('forgets every gradient', async () => {
    const net = new Net();
    sum(net.forward(tensor([1, 2]))).backward();
    expect(net.first.weight.grad).toBeDefined();
    expect([...(await net.first.weight.grad!.data())]).toEqual([2 ** 4, 2 * 3 ** 4]);
    net.zeroGrad();
    expect(net.first.weight.grad).toBeUndefined();
  });
});

describe('stateDict and loadStateDict', () => {
  it('carry every value to another network', async () => {
    const [from, to] = [new Net(), new Net()];
    from.first.weight.assign(tensor([7, 8]));
    from.forward(tensor([1, 2]));
    to.loadStateDict(await from.stateDict());
    expect([...(await to.first.weight.data())]).toEqual([7, 8]);
    expect(await to.stateDict()).toEqual(await from.stateDict());
    expect([...(await to.stateDict()).get('blocks.1.0.running_mean')!.data]).toEqual([14, 48]);
  });

  it('ignore PyTorch’s batch counter', async () => {
    const net = new Net();
    const values = new Map(await net.stateDict());
    values.set('first.num_batches_tracked', { shape: [], data: Float64Array.of(3) });
    expect(() => net.loadStateDict(values)).not.toThrow();
  });

  it('name what is missing, superfluous or of another shape, and change nothing then', async () => {
    const net = new Net();
    const good = await net.stateDict();
    const changed = new Map([...good].map(([name, { shape }]) => [name, { shape, data: Float64Array.of(9, 9) }]));
    const missing = new Map(changed);
    missing.delete('scale_up.weight');
    expect(() => net.loadStateDict(missing)).toThrow('loadStateDict: scale_up.weight [2] is missing from the values given');
    const extra = new Map(changed).set('fc.weight', { shape: [1], data: Float64Array.of(1) });
    expect(() => net.loadStateDict(extra)).toThrow(/no parameter or buffer fc\.weight/);
    const wrong = new Map(changed).set('blocks.0.weight', { shape: [3], data: Float64Array.of(1, 2, 3) });
    expect(() => net.loadStateDict(wrong)).toThrow('loadStateDict: blocks.0.weight has shape [3], but the module needs [2]');
    expect(await net.stateDict()).toEqual(good);
  });
});
