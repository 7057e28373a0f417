/** The checker agrees with the library; `npm run check:gradients` asks 10,000 times. */
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { checkGradient } from '../../testing/index.ts';
import { randomCases } from './cases.ts';

describe('the gradient checker', () => {
  it('finds nothing in random cases of the ops and modules', async () => {
    await fc.assert(
      fc.asyncProperty(randomCases, fc.nat(), async ({ formula, inputs, parameters = [] }, seed) => {
        await checkGradient(formula, inputs, { parameters, seed, shrink: false });
      }),
      { numRuns: 60 },
    );
  });
});
