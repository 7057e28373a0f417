/** Every planted fault is found, and shrunk to a case that one can compute by hand. */
import { describe, expect, it } from 'vitest';
import { sizeOf } from '../../core/shape.ts';
import { checkGradient, GradientError } from '../../testing/index.ts';
import { FAULTS } from './faults.ts';

describe('the gradient checker finds', () => {
  it('more than twenty faults', () => expect(FAULTS.length).toBeGreaterThanOrEqual(20));

  it.each(FAULTS)('$what', async ({ formula, inputs, parameters = [], order = 1, smallest }) => {
    const error = await checkGradient(formula, inputs, { parameters }).catch((thrown: unknown) => thrown);
    if (!(error instanceof GradientError)) throw new Error(`no fault was found: ${error}`);
    const { problem } = error;
    expect(problem.order, error.message).toBe(order);
    expect(
      problem.shapes.reduce((elements, shape) => elements + sizeOf(shape), 0),
      error.message,
    ).toBeLessThanOrEqual(smallest);
  });
});
