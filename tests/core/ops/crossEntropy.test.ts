/** crossEntropy: values worked out by hand, PyTorch's definition in plain loops, differences, devices, every option crossed. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CrossEntropyOptions, crossEntropy, type Tensor, tensor, zeros } from '../../../core/index.ts';
import { checkDevice, checkGradient, checkSecondGradient, type Input, input } from '../../support/check.ts';
import { onEveryDevice, reference } from '../../support/devices.ts';
import { evaluate } from '../../support/evaluate.ts';

interface Case {
  readonly n: number;
  readonly c: number;
  readonly labels: number[];
  readonly options: Required<CrossEntropyOptions>;
}

const cases: fc.Arbitrary<Case> = fc
  .record({ n: fc.constantFrom(1, 2, 3, 16, 41), c: fc.constantFrom(1, 2, 10, 47, 55, 61) })
  .chain(({ n, c }) =>
    fc.record({
      n: fc.constant(n),
      c: fc.constant(c),
      labels: fc.array(fc.nat({ max: c - 1 }), { minLength: n, maxLength: n }),
      options: fc.record({
        labelSmoothing: fc.constantFrom(0, 0.1, 0.35, 1),
        reduction: fc.constantFrom('mean' as const, 'sum' as const, 'none' as const),
      }),
    }),
  );

const inputsOf = ({ n, c, labels }: Case, seed: number): Input[] => [
  input([n, c], seed, -3, 3),
  { shape: [n], data: Float64Array.from(labels), differentiable: false },
];

const formula =
  ({ options }: Case) =>
  (...[logits, labels]: Tensor[]) =>
    crossEntropy(logits!, labels!, options);

/** -sum_c q[c] log p[c], where q mixes the label with the uniform distribution: the definition behind PyTorch's label smoothing. */
function oracle({ n, c, labels, options: { labelSmoothing, reduction } }: Case, logits: Float64Array): number[] {
  const losses: number[] = [];
  for (let row = 0; row < n; row++) {
    const powers = Array.from({ length: c }, (_, k) => Math.exp(logits[row * c + k]!));
    const total = powers.reduce((sum, power) => sum + power, 0);
    let loss = 0;
    powers.forEach((power, k) => {
      const q = (k === labels[row] ? 1 - labelSmoothing : 0) + labelSmoothing / c;
      loss -= q * Math.log(power / total);
    });
    losses.push(loss);
  }
  const sum = losses.reduce((total, loss) => total + loss, 0);
  return reduction === 'none' ? losses : [reduction === 'sum' ? sum : sum / n];
}

describe('on the reference', () => {
  it('gives what a pocket calculator gives', async () => {
    // Softmax of [0, log 3] is [1/4, 3/4], of [log 4, 0] it is [4/5, 1/5].
    const logits = tensor([
      [0, Math.log(3)],
      [Math.log(4), 0],
    ]);
    const labels = tensor([1, 1]);
    const results = await evaluate(
      [
        crossEntropy(logits, labels),
        crossEntropy(logits, labels, { reduction: 'sum' }),
        crossEntropy(logits, labels, { reduction: 'none' }),
        crossEntropy(logits, labels, { reduction: 'none', labelSmoothing: 0.2 }),
      ],
      reference,
    );
    const [first, second] = [Math.log(4 / 3), Math.log(5)];
    const smooth = [0.9 * first + 0.1 * Math.log(4), 0.9 * second + 0.1 * Math.log(5 / 4)];
    [[(first + second) / 2], [first + second], [first, second], smooth].forEach((expected, k) => {
      expect(results[k]!.length).toBe(expected.length);
      expected.forEach((value, at) => expect(results[k]![at]).toBeCloseTo(value, 12));
    });
  });
  it('is log c for equal logits', async () => {
    const [loss] = await evaluate([crossEntropy(zeros([4, 10]), tensor([0, 3, 9, 5]), { labelSmoothing: 0.1 })], reference);
    expect(loss![0]).toBeCloseTo(Math.log(10), 12);
  });
  it('is what the definition gives', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), async (test, seed) => {
        const inputs = inputsOf(test, seed);
        const [value] = await evaluate([formula(test)(...inputs.map(({ data, shape }) => tensor(data, shape)))], reference);
        const expected = oracle(test, inputs[0]!.data);
        expect(value!.length).toBe(expected.length);
        expected.forEach((loss, k) => expect(value![k]).toBeCloseTo(loss, 10));
      }),
      { numRuns: 40 },
    );
  });
  it('has the gradients that differences give', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), (test, seed) => checkGradient(formula(test), inputsOf(test, seed))),
      { numRuns: 25 },
    );
  });
  it('has the second derivatives that differences give', async () => {
    for (const reduction of ['mean', 'sum', 'none'] as const) {
      const test: Case = { n: 3, c: 5, labels: [4, 0, 4], options: { labelSmoothing: 0.1, reduction } };
      await checkSecondGradient(formula(test), inputsOf(test, 9));
    }
  });
});

/** exp(p) of p near -10 errs by 1e-6 of itself, and where exp(p) - s / c cancels that is held against 1e-3 of the largest. */
const CANCELLATION = 1e-3;

onEveryDevice((device) => {
  it('agrees with the reference', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), (test, seed) =>
        checkDevice(device, formula(test), inputsOf(test, seed), CANCELLATION),
      ),
      { numRuns: 12 },
    );
  });
});

describe('what is refused', () => {
  it.each<[CrossEntropyOptions, number[], string]>([
    [
      {},
      [0, 3],
      'crossEntropy: label 3 at position 1 is not a class; labels need to be integers from 0 to 2 (logits [2, 3], labels [2])',
    ],
    [{}, [0], 'crossEntropy: logits needs shape [n, c] and labels [n], a label for each row (logits [2, 3], labels [1])'],
    [
      { labelSmoothing: 1.1 },
      [0, 1],
      'crossEntropy: labelSmoothing 1.1 given; it needs to be from 0 to 1 (logits [2, 3], labels [2])',
    ],
    [{ labelSmoothing: -0.1 }, [0, 1], 'crossEntropy: labelSmoothing -0.1 given'],
    [{ labelSmoothing: Number.NaN }, [0, 1], 'crossEntropy: labelSmoothing NaN given'],
  ])('%j with labels %j', (options, labels, message) => {
    expect(() => crossEntropy(zeros([2, 3]), tensor(labels), options)).toThrow(message);
  });
  it('a reduction that JavaScript callers may invent', () => {
    const options: CrossEntropyOptions = JSON.parse('{"reduction":"average"}');
    expect(() => crossEntropy(zeros([2, 3]), tensor([0, 1]), options)).toThrow(
      'crossEntropy: reduction average given; it needs to be mean, sum or none',
    );
  });
});
