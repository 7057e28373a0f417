/** Gradients of a whole module against finite differences: by its input and by each of its parameters, in float64. */
import { expect } from 'vitest';
import { add, gradient, type HostArray, mul, type Shape, sum, type Tensor, tensor } from '../../core/index.ts';
import type { Module } from '../../nn/index.ts';
import { checkGradient } from '../../testing/index.ts';
import { randomArray } from '../support/random.ts';

/** Central differences as in check.ts; a module is deeper than an op, so the same rounding is amplified: ten times its tolerance. */
const STEP = 1e-5;
const TOLERANCE = 1e-5;

/** Random values for every parameter and buffer, so that nothing is hidden by a 0 or a 1; variances stay positive. */
export function randomise(module: Module, seed: number): void {
  module.namedStates().forEach(([name, state], k) => {
    const positive = name.endsWith('running_var') || (name.endsWith('weight') && state.shape.length === 1);
    const range: [number, number] = positive ? [0.5, 1.5] : [-0.7, 0.7];
    state.assign(tensor(randomArray(state.shape, seed + k, ...range), state.shape));
  });
}

/**
 * The Hessian of a loss by all parameters, times a direction: the tape's gradient of <gradient, direction> against differences of first
 * gradients, in float64. Needs the reference as current device.
 */
export async function checkModuleHessian(module: Module, inputShape: Shape, seed: number): Promise<void> {
  randomise(module, seed);
  const input = tensor(randomArray(inputShape, seed + 1000), inputShape);
  const states = module.parameters();
  const directions = states.map((state, k) => randomArray(state.shape, seed + 3000 + k));
  const slopes = (): Tensor[] => {
    const y = module.forward(input);
    return gradient(sum(mul(y, tensor(randomArray(y.shape, seed + 2000), y.shape))), states);
  };
  const along = slopes()
    .map((slope, k) => sum(mul(slope, tensor(directions[k]!, states[k]!.shape))))
    .reduce(add);
  const analytic = await Promise.all(gradient(along, states).map((product) => product.data()));
  const starts = await Promise.all(states.map((state) => state.data()));
  const slopesAt = (step: number): Promise<HostArray[]> => {
    states.forEach((state, k) => {
      const moved = Float64Array.from(starts[k]!, (value, i) => value + step * directions[k]![i]!);
      state.assign(tensor(moved, state.shape));
    });
    return Promise.all(slopes().map((slope) => slope.data()));
  };
  const [above, below] = [await slopesAt(STEP), await slopesAt(-STEP)];
  const most = Math.max(...analytic.flatMap((values) => [...values].map(Math.abs)));
  states.forEach(({ label }, k) =>
    analytic[k]!.forEach((value, i) => {
      const numeric = (above[k]![i]! - below[k]![i]!) / (2 * STEP);
      expect(Math.abs(value - numeric) / most, `${label}[${i}]: ${value} by the tape, ${numeric} by differences`).toBeLessThan(
        TOLERANCE,
      );
    }),
  );
}

/** The loss sees every output with a weight of its own. */
export async function checkModuleGradient(module: Module, inputShape: Shape, seed: number): Promise<void> {
  randomise(module, seed);
  await checkGradient((x) => module.forward(x!), [{ shape: inputShape, values: randomArray(inputShape, seed + 1000) }], {
    order: 1,
    parameters: module.parameters(),
    seed,
    tolerance: TOLERANCE,
    shrink: false,
  });
}
