/**
 * `npm run check:gradients [cases]`: the gradient checker over random cases of every differentiable op and of the modules, first and second
 * derivatives; 10,000 of them take minutes, so it is a script. Each case prints as what it is, and fails with its seed.
 */
import fc from 'fast-check';
import { checkGradient } from '../../testing/index.ts';
import { randomCases } from '../testing/cases.ts';

const count = Number(process.argv[2] ?? 10_000);
let [cases, derivatives, largest] = [0, 0, 0];
const kinds = new Map<string, number>();
await fc.assert(
  fc.asyncProperty(randomCases, fc.nat(), async ({ what, formula, inputs, parameters = [] }, seed) => {
    const { checks, largestDifference } = await checkGradient(formula, inputs, { parameters, seed, shrink: false });
    const kind = what.split(' ')[0]!;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    derivatives += checks;
    largest = Math.max(largest, largestDifference);
    cases += 1;
    if (cases % 1000 === 0)
      console.log(`${cases} cases, ${derivatives} derivatives, largest difference ${largest.toExponential(1)}`);
  }),
  { numRuns: count },
);
console.log(
  `no fault in ${cases} cases of ${kinds.size} kinds: ${derivatives} derivatives, largest difference ${largest.toExponential(1)}`,
);
