/** The update rules of SGD: PyTorch's loop as oracle, bit for bit where rounding is the same, differences, devices. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sgdMomentum, sgdNesterov, sgdStep, type Tensor, tensor, zeros } from '../../../core/index.ts';
import { checkDevice, checkGradient, checkSecondGradient, type Formula, type Input, input } from '../../support/check.ts';
import { onEveryDevice, openedDevices, reference } from '../../support/devices.ts';
import { evaluate, planFor } from '../../support/evaluate.ts';

interface Options {
  readonly momentum: number;
  readonly weightDecay: number;
  readonly dampening: number;
  readonly nesterov: boolean;
}

const options: fc.Arbitrary<Options> = fc.record({
  momentum: fc.constantFrom(0, 0.5, 0.9),
  weightDecay: fc.constantFrom(0, 1e-4, 0.3),
  dampening: fc.constantFrom(0, 0.25, 1),
  nesterov: fc.boolean(),
});
const shapes = fc.array(fc.constantFrom(1, 2, 3, 5, 41, 47, 55, 61), { minLength: 0, maxLength: 2 });

const inputsFor = (shape: readonly number[], seed: number): Input[] => [
  ...[0, 1, 2].map((k) => input(shape, seed + k)),
  input([], seed + 3, 0.01, 1),
];

/** All positive, and the weight largest: differences that cancel would measure float32 and not the op. */
const steadyInputs = (shape: readonly number[], seed: number): Input[] => [
  input(shape, seed, 0.1, 1),
  input(shape, seed + 1, 0.1, 1),
  input(shape, seed + 2, 2, 3),
  { ...input([], seed + 3, 0.01, 0.3), differentiable: false },
];

/** One whole update from velocity, gradient, weight and learning rate: the new weight. */
const step =
  ({ nesterov, ...rest }: Options): Formula =>
  (...[velocity, gradient, weight, rate]: Tensor[]) => {
    const v1 = sgdMomentum(velocity!, gradient!, weight!, rest);
    return sgdStep(weight!, nesterov ? sgdNesterov(v1, gradient!, weight!, rest) : v1, rate!);
  };

/** torch.optim.SGD for one element, in its order of operations; `round` follows every single one. */
function oracle({ momentum, weightDecay, dampening, nesterov }: Options, round: (x: number) => number) {
  return (velocity: number, gradient: number, weight: number, rate: number): number => {
    const g = weightDecay === 0 ? gradient : round(gradient + round(round(weightDecay) * weight));
    const v1 = round(round(round(momentum) * velocity) + round(round(1 - dampening) * g));
    const direction = nesterov ? round(g + round(round(momentum) * v1)) : v1;
    return round(weight - round(rate * direction));
  };
}

describe('on the reference', () => {
  it('moves weights as the loop of torch.optim.SGD does', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, options, fc.nat(1e6), async (shape, option, seed) => {
        const inputs = inputsFor(shape, seed);
        const [value] = await evaluate([step(option)(...inputs.map((each) => tensor(each.data, each.shape)))], reference);
        const update = oracle(option, (x) => x);
        const [v, g, w, rate] = inputs.map(({ data }) => data);
        expect([...value!]).toEqual([...w!].map((_, k) => update(v![k]!, g![k]!, w![k]!, rate![0]!)));
      }),
      { numRuns: 40 },
    );
  });
  it('has the gradients that differences give', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, options, fc.nat(1e6), (shape, option, seed) =>
        checkGradient(step(option), inputsFor(shape, seed)),
      ),
      { numRuns: 25 },
    );
  });
  it('has the second derivatives that differences give', async () => {
    const option = { momentum: 0.9, weightDecay: 0.1, dampening: 0.2, nesterov: true };
    await checkSecondGradient(step(option), inputsFor([2, 3], 3));
  });
});

onEveryDevice((device) => {
  it('agrees with the reference', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, options, fc.nat(1e6), (shape, option, seed) =>
        checkDevice(device, step(option), steadyInputs(shape, seed)),
      ),
      { numRuns: 12 },
    );
  });
});

describe('rounding', () => {
  const webasm = openedDevices.find(({ name }) => name === 'webasm')?.device;
  it.skipIf(webasm === undefined)('is to float32 after each operation on webasm, so bits are those of the loop', async () => {
    await fc.assert(
      fc.asyncProperty(options, fc.nat(1e6), async (option, seed) => {
        const inputs = inputsFor([41], seed).map(({ shape, data }) => ({ shape, data: Float32Array.from(data) }));
        const tensors = inputs.map(({ shape, data }) => tensor(data, shape));
        const [value] = await evaluate([step(option)(...tensors)], webasm!);
        const update = oracle(option, Math.fround);
        const [v, g, w, rate] = inputs.map(({ data }) => data);
        expect([...value!]).toEqual([...w!].map((_, k) => update(v![k]!, g![k]!, w![k]!, rate![0]!)));
      }),
      { numRuns: 15 },
    );
  });
});

describe('the plan', () => {
  it('has one step for each rule, whatever the options', () => {
    const inputs = inputsFor([5], 1).map(({ data, shape }) => tensor(data, shape));
    const option = { momentum: 0.9, weightDecay: 0.1, dampening: 0.2, nesterov: true };
    expect(planFor([step(option)(...inputs)], reference).steps.map(({ op }) => op.name)).toEqual([
      'sgdMomentum',
      'sgdNesterov',
      'sgdStep',
    ]);
  });
  it('reads no weight where nothing decays', () => {
    const [v, g, w] = inputsFor([5], 1).map(({ data, shape }) => tensor(data, shape));
    const reads = (weightDecay: number) =>
      planFor([sgdMomentum(v!, g!, w!, { momentum: 0.9, weightDecay })], reference).steps[0]!.inputs.length;
    expect([reads(0), reads(1e-4)]).toEqual([2, 3]);
  });
});

describe('what is refused', () => {
  it('shapes that differ, even where they would broadcast', () => {
    expect(() => sgdMomentum(zeros([3]), zeros([2, 3]), zeros([2, 3]), { momentum: 0.9 })).toThrow(
      'sgdMomentum: velocity, gradient, weight need the same shape (velocity [3], gradient [2, 3], weight [2, 3])',
    );
    expect(() => sgdNesterov(zeros([2]), zeros([2]), zeros([1]), { momentum: 0.9 })).toThrow(
      'sgdNesterov: velocity, gradient, weight need the same shape (velocity [2], gradient [2], weight [1])',
    );
    expect(() => sgdStep(zeros([2, 3]), zeros([3]), 0.1)).toThrow(
      'sgdStep: weight, direction need the same shape (weight [2, 3], direction [3])',
    );
    expect(() => sgdStep(zeros([2]), zeros([2]), zeros([2]))).toThrow(
      'sgdStep: learningRate needs to be a scalar, but it has shape [2]',
    );
  });
  it('options that are not finite', () => {
    expect(() => sgdMomentum(zeros([2]), zeros([2]), zeros([2]), { momentum: Number.NaN })).toThrow(
      'sgdMomentum: momentum NaN given; it needs to be a finite number',
    );
  });
});
