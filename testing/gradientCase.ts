/** One case of a gradient check: first and second derivatives of a formula in given shapes. */
import type { HostArray } from '../core/host.ts';
import type { Shape } from '../core/shape.ts';
import { gradient } from '../core/tape.ts';
import { lossOf, type Slope, slopesAlong } from './differences.ts';
import { evaluate, reference } from './evaluate.ts';
import { type Formula, type Point, pointsOf, type Source, tensorsOf } from './inputs.ts';
import { randomValues } from './values.ts';

/** What is wrong with a gradient. */
export interface Fault {
  readonly kind: 'differs' | 'not finite' | 'throws';
  readonly order: 1 | 2;
  /** The derivative that disagrees. */
  readonly slope?: Slope;
  /** What recording or running the gradient threw. */
  readonly thrown?: Error;
}

export interface CaseResult {
  readonly fault: Fault | undefined;
  readonly slopes: readonly Slope[];
}

export interface CaseOptions {
  readonly highest: 1 | 2;
  readonly seed: number;
  readonly tolerance: number;
}

/** Throws what the formula throws in these shapes, or a sentence where it does not compute the same twice. */
export async function checkFormula(formula: Formula, sources: readonly Source[], shapes: readonly Shape[]): Promise<void> {
  const points = pointsOf(sources, shapes);
  const [once, again] = await evaluate([formula(...tensorsOf(points)), formula(...tensorsOf(points))], reference);
  if (once!.every((value, k) => Object.is(value, again![k]))) return;
  throw new Error(
    'checkGradient: the formula gives other values when it is called again, so differences say nothing; let it draw nothing and keep nothing between calls',
  );
}

/** Compares order by order, and stops at the first fault. */
export async function checkCase(
  formula: Formula,
  sources: readonly Source[],
  shapes: readonly Shape[],
  { highest, seed, tolerance }: CaseOptions,
): Promise<CaseResult> {
  const points = pointsOf(sources, shapes);
  const wanted = sources.flatMap((source, k) => (source.differentiable ? [k] : []));
  const slopes: Slope[] = [];
  for (const order of ([1, 2] as const).slice(0, highest)) {
    const loss = lossOf(formula, order, wanted, seed);
    const analytic = await gradientsAt(loss, points, wanted);
    if (analytic instanceof Error) return { slopes, fault: { kind: 'throws', order, thrown: analytic } };
    const lines = wanted.map((input, k) => ({
      input,
      direction: randomValues(shapes[input]!, seed + 17 + input),
      analytic: analytic[k]!,
    }));
    slopes.push(...(await slopesAlong(loss, points, lines, tolerance)));
    const slope = slopes.find(({ difference }) => !(difference < tolerance));
    if (slope !== undefined)
      return { slopes, fault: { kind: Number.isFinite(slope.difference) ? 'differs' : 'not finite', order, slope } };
  }
  return { slopes, fault: undefined };
}

/** The gradients by the tape, or what kept them from being recorded or run. */
export async function gradientsAt(
  loss: Formula,
  points: readonly Point[],
  wanted: readonly number[],
): Promise<HostArray[] | Error> {
  const tensors = tensorsOf(points);
  try {
    const targets = wanted.map((k) => tensors[k]!);
    return await evaluate(gradient(loss(...tensors), targets), reference);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
