/**
 * The two checks that every op passes: its gradient against finite differences in float64, and its value and gradients on each
 * device against the reference. An op's test is a list of cases given to these.
 */
import { expect } from 'vitest';
import type { Device } from '../../core/devices/device.ts';
import { gradient, type Shape, type Tensor, tensor } from '../../core/index.ts';
import { project } from '../../testing/differences.ts';
import { checkGradient as checkGradientOf, type InputSpec } from '../../testing/index.ts';
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

/** Gradients by every differentiable input against finite differences in float64: the checker that users have, without shrinking. */
export async function checkGradient(formula: Formula, inputs: readonly Input[], seed = 1): Promise<void> {
  await checkGradientOf(formula, specs(inputs), { order: 1, seed, shrink: false });
}

/** The gradient of the gradient too. */
export async function checkSecondGradient(formula: Formula, inputs: readonly Input[], seed = 2): Promise<void> {
  await checkGradientOf(formula, specs(inputs), { seed, shrink: false });
}

function specs(inputs: readonly Input[]): InputSpec[] {
  return inputs.map(({ shape, data, differentiable = true }) => ({ shape, values: data, differentiable }));
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
