import ndarray from 'ndarray';
import { describe, expect, it } from 'vitest';
import {
  deviceName,
  gradient,
  log,
  matmul,
  mul,
  relu,
  State,
  sigmoid,
  square,
  sum,
  type Tensor,
  tensor,
  useDevice,
} from '../../core/index.ts';
import { BatchNorm2d, Dropout, Linear } from '../../nn/index.ts';
import { checkGradient, GradientError } from '../../testing/index.ts';
import { wrongly } from './wrongly.ts';

/** The swish whose derivative lacks the term of the sigmoid. */
const wrongSwish = wrongly(
  (x) => mul(x, sigmoid(x)),
  (dy, x) => mul(dy, sigmoid(x)),
);

async function errorOf(check: Promise<unknown>): Promise<GradientError> {
  const error = await check.catch((thrown: unknown) => thrown);
  if (error instanceof GradientError) return error;
  throw new Error(`a GradientError was expected, not ${error}`);
}

describe('checkGradient', () => {
  it('counts what it compared', async () => {
    const report = await checkGradient((a, b) => mul(a!, b!), [[2, 3], [3]]);
    expect(report.checks).toBe(4);
    expect(report.largestDifference).toBeLessThan(1e-8);
    expect(await checkGradient((a) => square(a!), [[]], { order: 1 })).toMatchObject({ checks: 1 });
  });

  it('says which input, which element and by how much, and gives the same as data', async () => {
    const { message, problem } = await errorOf(checkGradient((a, b) => mul(a!, wrongSwish(b!)), [[4, 6], [6]], { seed: 3 }));
    expect(message).toMatch(
      /^checkGradient: the gradient by input 1 is wrong: at element \[0\] the tape gives [-\d.]+, differences give [-\d.]+, a relative difference of [\d.]+ \(shapes \[1, 1\] \[1\], seed 3\)$/,
    );
    expect(problem).toMatchObject({ order: 1, input: 1, element: [0], shapes: [[1, 1], [1]], seed: 3 });
    expect([...problem.direction!]).toEqual([1]);
    expect(problem.difference).toBeCloseTo(
      Math.abs(problem.expected! - problem.found!) / (Math.abs(problem.expected!) + Math.abs(problem.found!)),
      2,
    );
  });

  it('keeps the shapes on demand', async () => {
    const { problem } = await errorOf(checkGradient((x) => wrongSwish(x!), [[3, 4]], { shrink: false }));
    expect(problem.shapes).toEqual([[3, 4]]);
  });

  it('takes values as tensors, ndarrays and descriptions, and cuts them when it shrinks', async () => {
    const values = Float64Array.of(1, -2, 3, 4, 5, 6);
    const formula = (...[a, b, c]: Tensor[]): Tensor => mul(mul(wrongSwish(a!), b!), c!);
    const inputs = [tensor(values, [2, 3]), ndarray(values, [2, 3]), { shape: [2, 3], values, differentiable: false }];
    const { problem } = await errorOf(checkGradient(formula, inputs));
    expect(problem.shapes).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    const { found, expected } = problem;
    const s = 1 / (1 + Math.exp(-1));
    expect([found! / expected!, problem.input]).toEqual([expect.closeTo(s / (s + s * (1 - s)), 6), 0]);
  });

  it('throws what the formula throws', async () => {
    await expect(
      checkGradient(
        (a, b) => matmul(a!, b!),
        [
          [2, 3],
          [2, 3],
        ],
      ),
    ).rejects.toThrow('matmul: ');
    await expect(checkGradient((x) => x!, [{ shape: [2], values: [1, 2, 3] }])).rejects.toThrow(
      'input 0: 3 values given, but shape [2] needs 2',
    );
  });

  it('refuses a formula that draws', async () => {
    await expect(checkGradient((x) => new Dropout(0.5).forward(x!), [[50]])).rejects.toThrow(
      'checkGradient: the formula gives other values when it is called again, so differences say nothing',
    );
  });

  it('says that a derivative is not finite', async () => {
    const { message } = await errorOf(checkGradient((x) => log(x!), [{ shape: [3], values: [1, -1, 2] }]));
    expect(message).toContain('NaN');
  });

  it('lets kinks be: a smaller step is on one side of them', async () => {
    await checkGradient((x) => relu(x!), [{ shape: [2], values: [3e-7, -2e-7] }], { order: 1 });
  });
});

describe('checkGradient and States', () => {
  it('checks parameters, and leaves device, values and statistics as they were', async () => {
    await useDevice('cpu');
    const norm = new BatchNorm2d(2);
    const mean = new State([0.25, 0.5]);
    mean.assign(square(mean.read()));
    const report = await checkGradient((x) => mul(norm.forward(x!), sum(mean.read())), [[2, 2, 3, 3]], {
      parameters: norm.parameters(),
    });
    expect(report.checks).toBe(6);
    const states = await Promise.all(
      [norm.weight, norm.bias, norm.runningMean, norm.runningVar, mean].map((state) => state.data()),
    );
    expect(states.map((values) => [...values])).toEqual([
      [1, 1],
      [0, 0],
      [0, 0],
      [1, 1],
      [0.0625, 0.25],
    ]);
    expect(deviceName()).toBe('cpu');
    await useDevice('reference');
  });

  it('reads States that live on another device', async () => {
    await useDevice('cpu');
    const state = new State([2, 4]);
    state.assign(square(state.read()));
    await state.data();
    await useDevice('reference');
    await square(state.read()).data();
    expect(state.host).toBeUndefined();
    await checkGradient((x) => mul(x!, log(state.read())), [[2]]); // of 0 it would not be finite
  });

  it('names the parameter', async () => {
    const layer = new Linear(3, 2);
    layer.path = 'fc';
    layer.assignPaths();
    const formula = (x: Tensor): Tensor =>
      matmul(
        x,
        wrongly(
          (w) => square(w),
          (dy) => dy,
        )(layer.weight.read()),
        { transposeB: true },
      );
    const { message, problem } = await errorOf(checkGradient((x) => formula(x!), [[4, 3]], { parameters: layer.parameters() }));
    expect(message).toContain('the gradient by fc.weight is wrong: at element [');
    expect(problem.shapes).toEqual([[1, 3], [2, 3], [2]]);
  });

  it('sees assignments within the formula', async () => {
    const state = new State([2]);
    const formula = (x: Tensor): Tensor => {
      state.assign(mul(state.read(), x));
      return mul(state.read(), state.read());
    };
    await checkGradient((x) => formula(x!), [[1]], { parameters: [state] });
    expect(await state.item()).toBe(2);
    expect(gradient(square(state.read()), [state])).toHaveLength(1);
  });
});
