/** Batch normalisation in both modes: the formula in primitives as oracle, differences to second order, every device. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  add,
  batchNorm,
  batchNormEvaluate,
  conv2d,
  gradient,
  mean,
  mul,
  pow,
  relu,
  reshape,
  type Shape,
  sub,
  sum,
  type Tensor,
  tanh,
  tensor,
  variance,
  zeros,
} from '../../../core/index.ts';
import { checkDevice, checkGradient, checkSecondGradient, type Input, input } from '../../support/check.ts';
import { CANCELLATION_TOLERANCE, FLOAT32_TOLERANCE, onEveryDevice, openedDevices, reference } from '../../support/devices.ts';
import { evaluate, planFor, relativeError } from '../../support/evaluate.ts';

const shapes: fc.Arbitrary<Shape> = fc
  .tuple(
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: 4 }),
    fc.constantFrom([], [1, 2], [5, 3], [7, 7], [1, 41], [2, 47]),
  )
  .map(([n, c, rest]) => [n, c, ...rest])
  .filter(([n, , ...rest]) => n! * rest.reduce((size, length) => size * length, 1) > 2);

function inputs(shape: Shape, seed: number): Input[] {
  return [input(shape, seed, -1, 2), input([shape[1]!], seed + 1, 0.5, 1.5), input([shape[1]!], seed + 2)];
}

const training = (...[x, gamma, beta]: Tensor[]): Tensor => batchNorm(x!, gamma!, beta!, { epsilon: 0.01 }).output;
const evaluation = (...[x, gamma, beta, average, spread]: Tensor[]): Tensor =>
  batchNormEvaluate(x!, average!, spread!, gamma!, beta!, { epsilon: 0.01 });

/** Algorithm 1 of the paper, in primitives. */
function oracle(x: Tensor, gamma: Tensor, beta: Tensor): Tensor {
  const axes = x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const wide = (v: Tensor): Tensor => reshape(v, [v.size, ...x.shape.slice(2).map(() => 1)]);
  const normal = mul(sub(x, wide(mean(x, axes))), wide(pow(add(variance(x, axes), 0.01), -0.5)));
  return add(mul(normal, wide(gamma)), wide(beta));
}

describe('batchNorm', () => {
  it('is Algorithm 1', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.nat(1e6), async (shape, seed) => {
        const tensors = inputs(shape, seed).map((each) => tensor(each.data, each.shape));
        const [actual, expected] = await evaluate(
          [training(...tensors), oracle(tensors[0]!, tensors[1]!, tensors[2]!)],
          reference,
        );
        actual!.forEach((value, k) => expect(value).toBeCloseTo(expected![k]!, 10));
      }),
      { numRuns: 30 },
    );
  });
  it('has the gradients that differences give, in both modes', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.nat(1e6), async (shape, seed) => {
        await checkGradient(training, inputs(shape, seed));
        await checkGradient(evaluation, [
          ...inputs(shape, seed),
          input([shape[1]!], seed + 3),
          input([shape[1]!], seed + 4, 0.5, 2),
        ]);
      }),
      { numRuns: 20 },
    );
  });
  it('has the second derivatives that differences give', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.nat(1e6), (shape, seed) => checkSecondGradient(training, inputs(shape, seed))),
      { numRuns: 10 },
    );
  });
  it('gives gradients to its statistics too', async () => {
    await checkGradient((x, gamma, beta) => batchNorm(x!, gamma!, beta!).variance, inputs([3, 2, 4, 5], 3));
    await checkGradient((x, gamma, beta) => batchNorm(x!, gamma!, beta!).mean, inputs([3, 2, 4, 5], 3));
  });
  it('refuses what does not fit', () => {
    expect(() => batchNorm(zeros([2, 3, 4, 4]), zeros([3]), zeros([4]))).toThrow(
      'batchNorm: input has 3 channels, so beta needs shape [3], but it has [4] (input [2, 3, 4, 4])',
    );
    expect(() => batchNorm(zeros([1, 3]), zeros([3]), zeros([3]))).toThrow('batchNorm: input [1, 3] has one value per channel');
    expect(() => batchNorm(zeros([3]), zeros([3]), zeros([3]))).toThrow('batchNorm: input needs axes [n, c, ...]');
  });
});

describe('an element-wise end', () => {
  const simd = openedDevices.find(({ name }) => name === 'simd')!.device!;
  const names = (...results: Tensor[]): string[] => planFor(results, simd).steps.map(({ op }) => op.name);
  const values = (shape: Shape, seed: number): Tensor => tensor(Float32Array.from(input(shape, seed).data), shape);
  const ones = tensor(new Float32Array(6).fill(1));
  const shape = [2, 6, 3, 5];

  it('becomes part of the normalisation where the device has such a kernel', async () => {
    const normal = batchNorm(values(shape, 1), ones, ones).output;
    for (const result of [relu(normal), relu(add(values(shape, 2), normal)), add(normal, normal)]) {
      expect(names(result).filter((name) => !name.startsWith('to'))).toEqual(['moments', 'normaliseThen']);
      const [[expected], [actual]] = [await evaluate([result], reference), await evaluate([result], simd)];
      expect(relativeError(actual!, expected!)).toBeLessThan(FLOAT32_TOLERANCE);
    }
  });
  it('stays apart where the normalised value has another reader, another shape or a rank without channels last', () => {
    const normal = batchNorm(values(shape, 1), ones, ones).output;
    expect(names(relu(normal), sum(normal))).not.toContain('normaliseThen');
    expect(names(add(normal, values([1, 6, 1, 1], 3)))).not.toContain('normaliseThen');
    expect(names(relu(batchNorm(values([2, 6, 5], 1), ones, ones).output))).not.toContain('normaliseThen');
  });
  it('computes the same in the reference form', async () => {
    const result = relu(add(values(shape, 2), batchNorm(values(shape, 1), ones, ones).output));
    const fusing = Object.assign(Object.create(reference), { traits: { ...reference.traits, fuseInputs: 6, fuseSteps: true } });
    expect((await evaluate([result], fusing))[0]).toEqual((await evaluate([result], reference))[0]);
  });
});

describe('an element-wise slope', () => {
  const simd = openedDevices.find(({ name }) => name === 'simd')!.device!;
  const names = (...results: Tensor[]): string[] => planFor(results, simd).steps.map(({ op }) => op.name);
  const values = (shape: Shape, seed: number): Tensor => tensor(Float32Array.from(input(shape, seed).data), shape);
  const shape = [2, 6, 3, 5];
  const [gamma, beta] = [values([6], 4), values([6], 5)];
  const [sums, slopes] = ['normaliseSumsOf', 'normaliseInputOf'];
  /** A convolution behind f(batchNorm(x)), and its gradients. */
  const results = (f: (normal: Tensor) => Tensor, x = values(shape, 1), by = [x, gamma]): Tensor[] => {
    const y = conv2d(reshape(f(batchNorm(x, gamma, beta).output), shape), values([4, 6, 1, 1], 2));
    return [y, ...gradient(sum(mul(y, values([2, 4, 3, 5], 7))), by)];
  };

  it('is computed in both steps of the gradient and not written', async () => {
    for (const f of [relu, (normal: Tensor) => mul(normal, normal)]) {
      expect(names(...results(f))).toEqual(expect.arrayContaining([sums, slopes]));
      const [expected, actual] = [await evaluate(results(f), reference), await evaluate(results(f), simd)];
      actual.forEach((values, k) => expect(relativeError(values, expected[k]!)).toBeLessThan(FLOAT32_TOLERANCE));
    }
  });
  it('may be the same everywhere', async () => {
    const make = (): Tensor[] => {
      const x = values(shape, 1);
      return gradient(sum(batchNorm(x, gamma, beta).output), [x, gamma, beta]);
    };
    const fusing = Object.assign(Object.create(reference), { traits: { ...reference.traits, fuseInputs: 6, fuseSteps: true } });
    const expected = await evaluate(make(), reference);
    expect(await evaluate(make(), fusing)).toEqual(expected);
    // The gradient by x is a difference that vanishes; what is left is rounding of values about 1.
    (await evaluate(make(), simd)).forEach((values, k) =>
      values.forEach((value, at) => expect(Math.abs(value - expected[k]![at]!)).toBeLessThan(FLOAT32_TOLERANCE)),
    );
  });
  it('stays apart where something else reads it, where it takes long, or has three parts', () => {
    const skip = values(shape, 3);
    const shared = results((normal) => relu(add(normal, skip)), values(shape, 1), [gamma, skip]);
    expect(names(...shared)).not.toContain(sums);
    expect(names(...results((normal) => pow(normal, 2.7)))).not.toContain(sums);
    expect(names(...results((normal) => mul(mul(normal, skip), mul(normal, values(shape, 6)))))).not.toContain(sums);
    expect(names(...results(relu, values([2, 6, 15], 1)))).not.toContain(sums);
  });
  it('computes the same in the reference form', async () => {
    const fusing = Object.assign(Object.create(reference), { traits: { ...reference.traits, fuseInputs: 6, fuseSteps: true } });
    expect(planFor(results(relu), fusing).steps.map(({ op }) => op.name)).toEqual(expect.arrayContaining([sums, slopes]));
    expect(await evaluate(results(relu), fusing)).toEqual(await evaluate(results(relu), reference));
  });
});

onEveryDevice((device) => {
  it('agrees with the reference when element-wise ops follow', async () => {
    const followed = (x: Tensor, gamma: Tensor, beta: Tensor, other: Tensor): Tensor =>
      tanh(add(training(x, gamma, beta), mul(other, other)));
    await fc.assert(
      fc.asyncProperty(shapes, fc.nat(1e6), (shape, seed) =>
        checkDevice(
          device,
          (...tensors) => followed(...(tensors as [Tensor, Tensor, Tensor, Tensor])),
          [...inputs(shape, seed), input(shape, seed + 5)],
          1e-3,
        ),
      ),
      { numRuns: 10 },
    );
  });
  it('agrees with the reference in both modes', async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.nat(1e6), async (shape, seed) => {
        // The gradient by x is a difference of three sums that nearly cancel.
        await checkDevice(device, training, inputs(shape, seed), CANCELLATION_TOLERANCE);
        // Here it is a product, as is the value; the gradients by channel are sums, which may come out near 0.
        const given = [...inputs(shape, seed), input([shape[1]!], seed + 3), input([shape[1]!], seed + 4, 0.5, 2)];
        await checkDevice(
          device,
          evaluation,
          given.map((each, k) => ({ ...each, differentiable: k === 0 })),
        );
        await checkDevice(device, evaluation, given, CANCELLATION_TOLERANCE);
      }),
      { numRuns: 10 },
    );
  });
  it('sums long channels in stages', () => checkDevice(device, training, inputs([2, 2, 65, 67], 5), 5e-3));
  it('sums many images in groups, the last of them not full', () =>
    checkDevice(device, training, inputs([13, 2, 31, 30], 6), 5e-3));
});
