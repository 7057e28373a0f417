/** concat and stack: a plain loop as oracle, differences, every device, more inputs than a kernel binds. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, type Shape, square, stack, type Tensor, tensor, zeros } from '../../../core/index.ts';
import { concatProgram } from '../../../core/ops/concat/gpu.ts';
import { sizeOf } from '../../../core/shape.ts';
import { checkDevice, checkGradient, checkSecondGradient, type Input, input } from '../../support/check.ts';
import { onEveryDevice, reference } from '../../support/devices.ts';
import { evaluate } from '../../support/evaluate.ts';

interface Case {
  readonly shapes: readonly Shape[];
  readonly axis: number;
}

/** Shapes that are equal but for one axis. */
const casesOf = (most: number): fc.Arbitrary<Case> =>
  fc
    .tuple(
      fc.array(fc.constantFrom(1, 2, 3), { maxLength: 3 }),
      fc.nat(3),
      fc.array(fc.constantFrom(1, 2, 5, 41, 47, 55, 61), { minLength: 1, maxLength: most }),
    )
    .map(([other, at, lengths]) => {
      const axis = Math.min(at, other.length);
      return { axis, shapes: lengths.map((length) => [...other.slice(0, axis), length, ...other.slice(axis)]) };
    });

const inputsOf = ({ shapes }: Case, seed: number): Input[] => shapes.map((shape, t) => input(shape, seed + t));

/** Row by row in front of the axis, input by input. */
function joined(inputs: readonly Input[], axis: number): number[] {
  const rows = sizeOf(inputs[0]!.shape.slice(0, axis));
  return Array.from({ length: rows }, (_, row) =>
    inputs.flatMap(({ shape, data }) => {
      const width = sizeOf(shape.slice(axis));
      return Array.from({ length: width }, (_, k) => data[row * width + k]!);
    }),
  ).flat();
}

describe('concat', () => {
  it('joins row by row', async () => {
    await fc.assert(
      fc.asyncProperty(casesOf(20), async (test) => {
        const inputs = inputsOf(test, 3);
        const rank = test.shapes[0]!.length;
        const y = concat(
          inputs.map(({ shape, data }) => tensor(data, shape)),
          test.axis - rank,
        );
        const length = test.shapes.reduce((sum, shape) => sum + shape[test.axis]!, 0);
        expect(y.shape).toEqual(test.shapes[0]!.map((own, at) => (at === test.axis ? length : own)));
        expect([...(await evaluate([y], reference))[0]!]).toEqual(joined(inputs, test.axis));
      }),
      { numRuns: 40 },
    );
  });

  it('has the gradients that differences give', async () => {
    await fc.assert(
      fc.asyncProperty(casesOf(4), async (test) => {
        await checkGradient((...xs) => concat(xs, test.axis), inputsOf(test, 5));
        await checkSecondGradient((...xs) => concat(xs.map(square), test.axis), inputsOf(test, 6));
      }),
      { numRuns: 8 },
    );
  });

  it('takes one tensor several times, and adds its gradients', () =>
    checkGradient((x, y) => concat([square(x!), y!, square(x!), x!], 0), [input([2, 3], 1), input([5, 3], 2)]));

  it('is the tensor itself when there is one', () => {
    const x = zeros([2]);
    expect(concat([x])).toBe(x);
  });

  it('refuses what cannot be joined', () => {
    expect(() => concat([])).toThrow('concat: no tensors given; give at least one');
    expect(() => concat([zeros([]), zeros([])])).toThrow('concat: scalars (shape []) have no axis to join along; use stack');
    expect(() => concat([zeros([1, 2]), zeros([4, 2]), zeros([1, 3])])).toThrow(
      'concat: shapes [1, 2] and [1, 3] differ in another axis than 0; only that one may differ (inputs 0 and 2 of [1, 2], [4, 2], [1, 3])',
    );
    expect(() => concat([zeros([1, 2]), zeros([1])])).toThrow('concat: shapes [1, 2] and [1] differ');
    expect(() => concat([zeros([1, 2])], 2)).toThrow('concat: axis 2 does not exist in shape [1, 2]');
  });
});

describe('stack', () => {
  it('joins along a new axis', async () => {
    const [a, b] = [tensor([[1, 2]]), tensor([[3, 4]])];
    const values = async (x: Tensor): Promise<number[]> => [...(await evaluate([x], reference))[0]!];
    expect(stack([a, b]).shape).toEqual([2, 1, 2]);
    expect(await values(stack([a, b]))).toEqual([1, 2, 3, 4]);
    expect(stack([a, b], -1).shape).toEqual([1, 2, 2]);
    expect(await values(stack([a, b], -1))).toEqual([1, 3, 2, 4]);
    expect(stack([zeros([]), zeros([])]).shape).toEqual([2]);
  });

  it('refuses other shapes, by its own name', () => {
    expect(() => stack([])).toThrow('stack: no tensors given; give at least one');
    expect(() => stack([zeros([2]), zeros([3])])).toThrow('stack: shapes [2], [3] given; they need to be equal');
    expect(() => stack([zeros([2])], 2)).toThrow('stack: axis 2 does not exist');
  });
});

describe('the gpu program', () => {
  it.each([2, 7, 8, 49, 50])('binds at most seven arrays for %d inputs, and writes the output once', (count) => {
    const shapes = Array.from({ length: count }, () => [2, 3]);
    const { launches } = concatProgram(shapes, 1);
    expect(launches.every(({ inputs }) => inputs.length <= 7)).toBe(true);
    expect(launches.filter(({ output }) => output === 'output').length).toBe(1);
    // A level of the tree copies everything at most once.
    const copied = launches.reduce((sum, { cells }) => sum + cells[0]!, 0);
    expect(copied).toBeLessThanOrEqual(6 * count * Math.ceil(Math.log(count) / Math.log(7) - 1e-9));
  });
});

onEveryDevice((device) => {
  it('agrees with the reference', async () => {
    await fc.assert(
      fc.asyncProperty(casesOf(9), (test) => checkDevice(device, (...xs) => concat(xs, test.axis), inputsOf(test, 8), 1e-6)),
      { numRuns: 12 },
    );
  });
  it('joins 55 tensors', () => {
    const shapes = Array.from({ length: 55 }, (_, t) => [2, 1 + (t % 3), 3]);
    const inputs = inputsOf({ shapes, axis: 1 }, 1).map((each) => ({ ...each, differentiable: false }));
    return checkDevice(device, (...xs) => concat(xs, 1), inputs, 1e-6);
  });
  it('stacks', () =>
    checkDevice(device, (...xs) => stack(xs, 1), [input([3, 41], 1), input([3, 41], 2), input([3, 41], 3)], 1e-6));
});
