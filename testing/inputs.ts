/** What checks take as inputs: shapes, whose values are drawn, or values, of which smaller cases take the leading part. */
import { type HostNdArray, toHost } from '../core/host.ts';
import { formatShape, type Shape, ShapeError, sizeOf, stridesOf } from '../core/shape.ts';
import { type State, withStates } from '../core/state.ts';
import { Tensor, tensor } from '../core/tensor.ts';
import { distinctValues, randomValues } from './values.ts';

/** What is checked: tensors in, one tensor out. It must compute the same every time. */
export type Formula = (...inputs: Tensor[]) => Tensor;

/** An input of a check, described. */
export interface InputSpec {
  /** The largest shape in which it is checked; smaller ones are tried when something is wrong. */
  readonly shape: Shape;
  /** The values, or how to draw them for a shape; distinct values between -1 and 1 without it. */
  readonly values?: ArrayLike<number> | ((shape: Shape, seed: number) => ArrayLike<number>);
  /** False for labels, masks and keys: they get no gradient. True by default. */
  readonly differentiable?: boolean;
}

/** A list of numbers is a shape; values come as a tensor, an ndarray or a description. */
export type CheckInput = Shape | InputSpec | Tensor | HostNdArray;

/** An input of any kind, ready to be drawn in a shape. */
export interface Source {
  /** `input 0`, or the label of a parameter. */
  readonly name: string;
  readonly shape: Shape;
  readonly differentiable: boolean;
  /** Whether smaller shapes may be tried; a parameter's is its module's. */
  readonly shrinks: boolean;
  draw(shape: Shape): Float64Array;
}

/** The sources of a formula's inputs, then those of the parameters it reads. */
export async function sourcesOf(inputs: readonly CheckInput[], parameters: readonly State[], seed: number): Promise<Source[]> {
  const given = inputs.map((input, k) => sourceOf(input, `input ${k}`, seed + 101 * k));
  return Promise.all([
    ...given,
    ...parameters.map((parameter, k) => parameterSource(parameter, seed + 101 * (inputs.length + k))),
  ]);
}

async function sourceOf(input: CheckInput, name: string, seed: number): Promise<Source> {
  const common = { name, differentiable: true, shrinks: true };
  if (isShape(input)) return { ...common, shape: input, draw: (shape) => distinctValues(shape, seed) };
  if (input instanceof Tensor) return { ...common, shape: input.shape, draw: leadingPart(await input.data(), input.shape) };
  if ('stride' in input) {
    const { data, shape } = toHost(input);
    return { ...common, shape, draw: leadingPart(data, shape) };
  }
  const { shape, values = distinctValues, differentiable = true } = input;
  if (typeof values === 'function')
    return { ...common, shape, differentiable, draw: (smaller) => Float64Array.from(values(smaller, seed)) };
  if (values.length !== sizeOf(shape))
    throw new ShapeError(name, `${values.length} values given, but shape ${formatShape(shape)} needs ${sizeOf(shape)}`, [shape]);
  return { ...common, shape, differentiable, draw: leadingPart(values, shape) };
}

function isShape(input: CheckInput): input is Shape {
  return Array.isArray(input);
}

/** A State that no flush has touched answers without starting a device. */
async function currentValue(state: State): Promise<ArrayLike<number>> {
  return state.host !== undefined && state.version === state.stored ? state.host : state.data();
}

/** Values near the parameter's own, so that its scale is kept and no 0 or 1 of an initialisation hides a missing factor. */
async function parameterSource(parameter: State, seed: number): Promise<Source> {
  const { shape, label: name } = parameter;
  const [own, factor, shift] = [
    await currentValue(parameter),
    randomValues(shape, seed, 0.5, 1.5),
    randomValues(shape, seed + 1, -0.2, 0.2),
  ];
  const values = Float64Array.from(own, (value, k) => value * factor[k]! + shift[k]!);
  return { name, shape, differentiable: true, shrinks: false, draw: () => values.slice() };
}

/** The leading part of row-major values: the first elements along every axis. */
function leadingPart(values: ArrayLike<number>, whole: Shape): (shape: Shape) => Float64Array {
  const strides = stridesOf(whole);
  return (shape) => {
    const own = stridesOf(shape);
    return Float64Array.from({ length: sizeOf(shape) }, (_, k) =>
      Number(values[shape.reduce((at, length, axis) => at + (Math.floor(k / own[axis]!) % length) * strides[axis]!, 0)]),
    );
  };
}

/** The values of one case. */
export interface Point {
  readonly shape: Shape;
  readonly data: Float64Array;
}

export function pointsOf(sources: readonly Source[], shapes: readonly Shape[]): Point[] {
  return sources.map((source, k) => ({ shape: shapes[k]!, data: source.draw(shapes[k]!) }));
}

export function tensorsOf(points: readonly Point[]): Tensor[] {
  return points.map(({ shape, data }) => tensor(data, shape));
}

/** The formula with its parameters as further inputs. What it assigns to States is forgotten. */
export function withParameters(formula: Formula, parameters: readonly State[]): Formula {
  return (...all) => {
    const count = all.length - parameters.length;
    const values = new Map(parameters.map((parameter, k) => [parameter, all[count + k]!]));
    return withStates(values, () => formula(...all.slice(0, count)));
  };
}
