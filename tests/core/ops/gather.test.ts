/** gatherByLabel and scatterByLabel: plain loops as oracle, differences, devices, labels that are no class. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gatherByLabel, neg, ShapeError, scatterByLabel, tensor, zeros } from '../../../core/index.ts';
import { checkDevice, checkGradient, checkSecondGradient, type Input, input } from '../../support/check.ts';
import { onEveryDevice, reference } from '../../support/devices.ts';
import { evaluate } from '../../support/evaluate.ts';

interface Case {
  readonly n: number;
  readonly c: number;
  readonly labels: number[];
}

const length = fc.constantFrom(1, 2, 3, 10, 41, 47, 55, 61);
const cases: fc.Arbitrary<Case> = fc.record({ n: length, c: length }).chain(({ n, c }) =>
  fc.record({
    n: fc.constant(n),
    c: fc.constant(c),
    labels: fc.array(fc.nat({ max: c - 1 }), { minLength: n, maxLength: n }),
  }),
);

const labelInput = (labels: readonly number[]): Input => ({
  shape: [labels.length],
  data: Float64Array.from(labels),
  differentiable: false,
});

describe('on the reference', () => {
  it('gathers and scatters what the labels name', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), async ({ n, c, labels }, seed) => {
        const [x, dy] = [input([n, c], seed).data, input([n], seed + 1).data];
        const [gathered, scattered] = await evaluate(
          [gatherByLabel(tensor(x, [n, c]), tensor(labels)), scatterByLabel(tensor(dy), tensor(labels), c)],
          reference,
        );
        expect([...gathered!]).toEqual(labels.map((label, row) => x[row * c + label]));
        expect([...scattered!]).toEqual([...x].map((_, k) => (labels[Math.floor(k / c)] === k % c ? dy[Math.floor(k / c)] : 0)));
      }),
      { numRuns: 40 },
    );
  });
  it('have the gradients that differences give, of first and second order', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), async ({ n, c, labels }, seed) => {
        await checkGradient((x, at) => gatherByLabel(x!, at!), [input([n, c], seed), labelInput(labels)]);
        await checkGradient((dy, at) => scatterByLabel(dy!, at!, c), [input([n], seed), labelInput(labels)]);
      }),
      { numRuns: 15 },
    );
    const at = labelInput([2, 0, 2]);
    await checkSecondGradient((x, labels) => gatherByLabel(x!, labels!), [input([3, 4], 6), at]);
    await checkSecondGradient((dy, labels) => scatterByLabel(dy!, labels!, 4), [input([3], 6), at]);
  });
});

onEveryDevice((device) => {
  it('agrees with the reference', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.nat(1e6), async ({ n, c, labels }, seed) => {
        await checkDevice(device, (x, at) => gatherByLabel(x!, at!), [input([n, c], seed), labelInput(labels)]);
        await checkDevice(device, (dy, at) => scatterByLabel(dy!, at!, c), [input([n], seed), labelInput(labels)]);
      }),
      { numRuns: 12 },
    );
  });
  it('picks 0 for a computed label that is no class', async () => {
    // Computed, so that nothing can be checked when recording: 1 out of range below, 2 above, 1 between.
    const labels = neg(tensor([1, 0, -1, -2, -1e6, -0.5]));
    const gathered = gatherByLabel(tensor(Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), [6, 2]), labels);
    const scattered = scatterByLabel(tensor([1, 2, 3, 4, 5, 6]), labels, 2);
    for (const where of [reference, device]) {
      const results = await evaluate([gathered, scattered], where);
      expect([...results[0]!]).toEqual([0, 3, 6, 0, 0, 0]);
      expect([...results[1]!]).toEqual([0, 0, 2, 0, 0, 3, 0, 0, 0, 0, 0, 0]);
    }
  });
});

describe('what is refused', () => {
  it.each([
    [
      [0, 1, 3, 9],
      'gatherByLabel: label 3 at position 2 is not a class; labels need to be integers from 0 to 2 (x [4, 3], labels [4])',
    ],
    [[0, -1, 0, 0], 'gatherByLabel: label -1 at position 1 is not a class'],
    [[0, 1, 2, 1.5], 'gatherByLabel: label 1.5 at position 3 is not a class'],
    [[Number.NaN, 0, 0, 0], 'gatherByLabel: label NaN at position 0 is not a class'],
  ])('labels %j', (labels, message) => {
    expect(() => gatherByLabel(zeros([4, 3]), tensor(labels))).toThrow(ShapeError);
    expect(() => gatherByLabel(zeros([4, 3]), tensor(labels))).toThrow(message);
  });
  it('shapes that do not belong together', () => {
    expect(() => gatherByLabel(zeros([4, 3]), tensor([1, 2, 0]))).toThrow(
      'gatherByLabel: x needs shape [n, c] and labels [n], a label for each row (x [4, 3], labels [3])',
    );
    expect(() => gatherByLabel(zeros([4, 3, 2]), zeros([4]))).toThrow('(x [4, 3, 2], labels [4])');
    expect(() => gatherByLabel(zeros([4, 3]), zeros([4, 1]))).toThrow('(x [4, 3], labels [4, 1])');
    expect(() => scatterByLabel(zeros([4]), zeros([3]), 2)).toThrow(
      'scatterByLabel: dy and labels need one axis of the same length (dy [4], labels [3], 2 classes)',
    );
    expect(() => scatterByLabel(zeros([2]), tensor([0, 2]), 2)).toThrow('scatterByLabel: label 2 at position 1 is not a class');
    expect(() => scatterByLabel(zeros([2]), zeros([2]), 0)).toThrow('scatterByLabel: 0 classes given');
  });
});
