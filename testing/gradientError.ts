/** What the gradient checker throws, and how it says it. */
import { formatShape, type Shape, sizeOf, stridesOf } from '../core/shape.ts';
import { lossOf, type Slope, slopesAlong } from './differences.ts';
import { type CaseOptions, type Fault, gradientsAt } from './gradientCase.ts';
import { type Formula, pointsOf, type Source } from './inputs.ts';

/** Inputs of up to so many elements are searched for the element that disagrees most. */
const MAX_PROBED = 64;

/** What is known of a wrong gradient, in the smallest shapes in which it is wrong. */
export interface GradientProblem {
  /** 1 where the gradient is wrong, 2 where only the gradient of the gradient is. */
  readonly order: 1 | 2;
  /** Shapes of the inputs, then of the parameters. */
  readonly shapes: readonly Shape[];
  /** That of the values and directions. */
  readonly seed: number;
  /** The number of the input, parameters counted behind the inputs; undefined where recording the gradient throws. */
  readonly input?: number | undefined;
  /** Along which the derivative was taken. */
  readonly direction?: Float64Array | undefined;
  /** The element of the input, where the direction is an axis. */
  readonly element?: readonly number[] | undefined;
  /** The derivative by differences. */
  readonly expected?: number | undefined;
  /** The derivative by the tape. */
  readonly found?: number | undefined;
  /** Of the two, as a share of the magnitudes that make them up. */
  readonly difference?: number | undefined;
}

/** A wrong gradient, in the smallest shapes in which it is seen. */
export class GradientError extends Error {
  /** Always `GradientError`. */
  override readonly name = 'GradientError';

  /** The message says what of `problem` a person needs. */
  constructor(
    message: string,
    /** The fault as data. */
    readonly problem: GradientProblem,
    cause?: Error,
  ) {
    super(`checkGradient: ${message}`, { cause });
  }
}

/** The error for a fault: along a single element where the input is small enough to try each, since that is what one can think about. */
export async function gradientErrorFor(
  formula: Formula,
  sources: readonly Source[],
  shapes: readonly Shape[],
  fault: Fault,
  options: CaseOptions,
): Promise<GradientError> {
  const { order, slope } = fault;
  const { seed } = options;
  const what = order === 1 ? 'the gradient' : 'the second derivative';
  const inShapes = `shapes ${shapes.map(formatShape).join(' ')}, seed ${seed}`;
  if (slope === undefined)
    return new GradientError(
      `${what} cannot be computed: ${fault.thrown!.message} (${inShapes})`,
      { order, shapes, seed },
      fault.thrown,
    );
  const worst = (await worstElement(formula, sources, shapes, slope.input, order, options)) ?? { slope, element: undefined };
  const { expected, found, difference, direction, input } = worst.slope;
  const where = worst.element === undefined ? 'along a random direction' : `at element ${formatShape(worst.element)}`;
  return new GradientError(
    `${what} by ${sources[input]!.name} is wrong: ${where} the tape gives ${figures(found)}, differences give ${figures(expected)}, a relative difference of ${figures(difference, 2)} (${inShapes})`,
    { order, shapes, seed, input, direction, element: worst.element, expected, found, difference },
  );
}

function figures(value: number, digits = 6): string {
  return String(Number(value.toPrecision(digits)));
}

/** The slope along that axis of an input where tape and differences disagree most; undefined for inputs too large to try each. */
async function worstElement(
  formula: Formula,
  sources: readonly Source[],
  shapes: readonly Shape[],
  input: number,
  order: 1 | 2,
  { seed, tolerance }: CaseOptions,
): Promise<{ readonly slope: Slope; readonly element: readonly number[] } | undefined> {
  const shape = shapes[input]!;
  const size = sizeOf(shape);
  if (size > MAX_PROBED) return undefined;
  const wanted = sources.flatMap((source, k) => (source.differentiable ? [k] : []));
  const points = pointsOf(sources, shapes);
  const loss = lossOf(formula, order, wanted, seed);
  const analytic = await gradientsAt(loss, points, [input]);
  if (analytic instanceof Error) return undefined;
  const lines = Array.from({ length: size }, (_, at) => ({
    input,
    direction: Float64Array.from({ length: size }, (_, k) => Number(k === at)),
    analytic: analytic[0]!,
  }));
  const slopes = await slopesAlong(loss, points, lines, tolerance);
  const distances = slopes.map(({ expected, found }) => Math.abs(expected - found));
  const at = distances.indexOf(Math.max(...distances));
  const slope = slopes[at];
  if (slope === undefined || slope.difference < tolerance) return undefined;
  const strides = stridesOf(shape);
  return { slope, element: shape.map((length, axis) => Math.floor(at / strides[axis]!) % length) };
}
