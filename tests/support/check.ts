/**
 * The two checks that every op passes: its gradient against finite differences in float64, and its value and gradients on each
 * device against the reference. An op's test is a list of cases given to these.
 */
import { expect } from 'vitest';
import type { Device } from '../../core/devices/device.ts';
import { gradient, mul, type Shape, sum, type Tensor, tensor } from '../../core/index.ts';
import { logAccuracy } from './accuracyLog.ts';
import { FLOAT32_TOLERANCE, reference } from './devices.ts';
import { evaluate, relativeError } from './evaluate.ts';
import { randomArray } from './random.ts';

export interface Input {
  readonly shape: Shape;
  readonly data: Float64Array;
  /** False for labels, masks and keys: they get no gradient. */
  readonly differentiable?: boolean;
}

export type Formula = (...inputs: Tensor[]) => Tensor;

/** A random input; `seed` keeps several of one case apart. */
export function input(shape: Shape, seed: number, low?: number, high?: number): Input {
  return { shape, data: randomArray(shape, seed, low, high) };
}

/** Step of the central difference: its error h^2 f'''/6 and the rounding error 1e-16 |f| / h are both below 1e-9 here. */
const STEP = 1e-5;
/** As a share of the sum of magnitudes that make up the derivative, where rounding happens. */
const GRADIENT_TOLERANCE = 1e-6;

/** A scalar that sees every element of the output with a weight of its own. */
function project(output: Tensor, seed: number): Tensor {
  return sum(mul(output, tensor(randomArray(output.shape, seed), output.shape)));
}

/** For each differentiable input: <direction, gradient> from the tape against (f(x + h d) - f(x - h d)) / 2h on the reference. */
export async function checkGradient(formula: Formula, inputs: readonly Input[], seed = 1): Promise<void> {
  const at = (moved: number, step: number, direction: Float64Array): Tensor =>
    project(
      formula(
        ...inputs.map(({ shape, data }, k) => tensor(k === moved ? data.map((x, i) => x + step * direction[i]!) : data, shape)),
      ),
      seed,
    );
  for (const [k, { shape, data, differentiable }] of inputs.entries()) {
    if (differentiable === false) continue;
    const direction = randomArray(shape, seed + 17 + k);
    const tensors = inputs.map((other) => tensor(other.data, other.shape));
    const [slope] = gradient(project(formula(...tensors), seed), [tensors[k]!]);
    const [above, below, analytic] = await evaluate([at(k, STEP, direction), at(k, -STEP, direction), slope!], reference);
    const numeric = (above![0]! - below![0]!) / (2 * STEP);
    const products = direction.map((along, i) => along * analytic![i]!);
    const expected = products.reduce((total, value) => total + value, 0);
    const scale = products.reduce((total, value) => total + Math.abs(value), 0) + Math.abs(numeric) + 1e-3;
    expect(
      Math.abs(numeric - expected) / scale,
      `gradient of input ${k} ${JSON.stringify(shape)} of ${data.length} values: ${expected} by the tape, ${numeric} by differences`,
    ).toBeLessThan(GRADIENT_TOLERANCE);
  }
}

/** The gradient of the gradient: checks `<d, gradient f>` as a formula of its own. */
export async function checkSecondGradient(formula: Formula, inputs: readonly Input[], seed = 2): Promise<void> {
  for (const [k, { differentiable }] of inputs.entries()) {
    if (differentiable === false) continue;
    await checkGradient((...tensors) => gradient(project(formula(...tensors), seed), [tensors[k]!])[0]!, inputs, seed + 5);
  }
}

/** The second derivatives of every first one: third derivatives. */
export async function checkThirdGradient(formula: Formula, inputs: readonly Input[], seed = 3): Promise<void> {
  for (const [k, { differentiable }] of inputs.entries()) {
    if (differentiable === false) continue;
    const slope: Formula = (...tensors) => gradient(project(formula(...tensors), seed), [tensors[k]!])[0]!;
    await checkSecondGradient(slope, inputs, seed + 7);
  }
}

/** Value and every gradient on `device` against the reference. */
export async function checkDevice(
  device: Device,
  formula: Formula,
  inputs: readonly Input[],
  tolerance = FLOAT32_TOLERANCE,
): Promise<void> {
  // Both devices start from the same float32 numbers: rounding the inputs is not the op's error.
  const tensors = inputs.map(({ shape, data }) => tensor(Float32Array.from(data), shape));
  const output = formula(...tensors);
  const wanted = tensors.filter((_, k) => inputs[k]!.differentiable !== false);
  const results = [output, ...(wanted.length > 0 ? gradient(project(output, 3), wanted) : [])];
  const expected = await evaluate(results, reference);
  const actual = await evaluate(results, device);
  results.forEach((result, k) => {
    const what = k === 0 ? 'value' : `gradient ${k - 1}`;
    const error = relativeError(actual[k]!, expected[k]!);
    logAccuracy(device, error, tolerance);
    expect(error, `${what} ${JSON.stringify(result.shape)} on ${device.name}`).toBeLessThan(tolerance);
  });
}
