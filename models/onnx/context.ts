/**
 * What the translation of an op works with: the values of its inputs, and nodes that it may add.
 *
 * A reshape adds no node by itself. It leaves the value as it is, and a Reshape comes only where something needs the new shape; so
 * the views that core's matmul takes of its operands leave nothing behind.
 */
import type { Tensor } from '../../core/index.ts';
import { broadcastShapes, sizeOf } from '../../core/shape.ts';
import type { Constant } from './constants.ts';
import { addInitialiser, addIntegers, addNode, type Graph, type Value } from './graph.ts';
import type { Attribute } from './messages.ts';
import { BATCHES, type Recording, type Sizes, sameSizes, sizesOf } from './recording.ts';
import { describeStep, type Step } from './steps.ts';

export interface Context {
  readonly recording: Recording;
  readonly graph: Graph;
  readonly constants: ReadonlyMap<Tensor, Constant>;
  /** What holds a tensor's elements, in their order; the shape may still be another one. */
  readonly held: Map<Tensor, Value>;
  /** The reshapes of a value so far. */
  readonly reshaped: Map<Value, Value[]>;
}

/** A step to be translated. */
export interface Call {
  readonly context: Context;
  readonly step: Step;
  /** Of the step's output. */
  readonly sizes: Sizes;
}

export type Attributes = Readonly<Record<string, Attribute>>;

/** Adds a node for the step; without sizes its output is the step's. */
export function emit(call: Call, op: string, inputs: readonly Value[], attributes: Attributes = {}, sizes = call.sizes): Value {
  return addNode(call.context.graph, { op, label: call.step.label, inputs, output: { sizes }, attributes });
}

/** A change of shape on the way. */
function emitHelper(call: Call, op: string, inputs: readonly Value[], attributes: Attributes, sizes: Sizes): Value {
  return addNode(call.context.graph, { op, label: call.step.label, inputs, output: { sizes }, attributes, helper: true });
}

export function integers({ context }: Call, list: readonly number[]): Value {
  return addIntegers(context.graph, list);
}

/** Of the step's k-th input. */
export function inputSizes({ context, step }: Call, k: number): Sizes {
  return sizesOf(context.recording, step.inputs[k]!);
}

/** The step's k-th input in its own shape. */
export function read(call: Call, k: number): Value {
  return readAs(call, k, inputSizes(call, k));
}

/** All of the step's inputs in their own shapes. */
export function readAll(call: Call): Value[] {
  return call.step.inputs.map((_, k) => read(call, k));
}

/** The step's k-th input in another shape with the same elements. */
export function readAs(call: Call, k: number, sizes: Sizes): Value {
  return reshaped(call, hold(call.context, call.step.inputs[k]!), sizes);
}

/** The value of a tensor, whatever its shape; constants join the graph when they are first needed. */
export function hold({ held, constants, graph }: Context, tensor: Tensor): Value {
  const known = held.get(tensor);
  if (known !== undefined) return known;
  const { name, shape, data } = constants.get(tensor)!;
  const value = addInitialiser(graph, name, shape, data);
  held.set(tensor, value);
  return value;
}

export function reshaped(call: Call, value: Value, sizes: Sizes): Value {
  if (sameSizes(value.sizes, sizes)) return value;
  const others = call.context.reshaped.get(value) ?? [];
  const known = others.find((each) => sameSizes(each.sizes, sizes));
  if (known !== undefined) return known;
  const added = addReshape(call, value, sizes);
  call.context.reshaped.set(value, [...others, added]);
  return added;
}

function addReshape(call: Call, value: Value, sizes: Sizes): Value {
  const [few, many] = sizes;
  const flat = ([n, ...rest]: readonly number[]): number[] => [n!, sizeOf(rest)];
  if (few.length === 2 && value.sizes[0].length > 1 && sameSizes(sizes, [flat(value.sizes[0]), flat(value.sizes[1])]))
    return emitHelper(call, 'Flatten', [value], { axis: 1 }, sizes);
  const free = few.filter((length, axis) => length !== many[axis]).length;
  const target =
    free > 1
      ? lengths(call, sizes)
      : integers(
          call,
          few.map((length, axis) => (length === many[axis] ? length : -1)),
        );
  return emitHelper(call, 'Reshape', [value, target], {}, sizes);
}

/** A value repeated to larger sizes. */
export function expanded(call: Call, value: Value, sizes: Sizes): Value {
  if (sameSizes(value.sizes, sizes)) return value;
  const missing = sizes[0].length - value.sizes[0].length;
  const own = (length: number, axis: number, k: 0 | 1): number => (value.sizes[k][axis - missing] === length ? 1 : length);
  const target: Sizes = [
    sizes[0].map((length, axis) => own(length, axis, 0)),
    sizes[1].map((length, axis) => own(length, axis, 1)),
  ];
  return emit(call, 'Expand', [value, lengths(call, target)], {}, sizes);
}

/** A shape as whole numbers that a node reads: computed from the images where it depends on how many there are. */
function lengths(call: Call, [few, many]: Sizes): Value {
  if (few.every((length, axis) => length === many[axis])) return integers(call, few);
  const one: Sizes = [[1], [1]];
  const batch = emitHelper(call, 'Shape', [call.context.graph.images], { start: 0, end: 1 }, one);
  const parts = few.map((length, axis) => {
    if (length === many[axis]) return integers(call, [length]);
    const perImage = length / BATCHES[0];
    if (many[axis] !== perImage * BATCHES[1]) throw refusal(call, 'makes a length that is no multiple of the number of images');
    return perImage === 1 ? batch : emitHelper(call, 'Mul', [batch, integers(call, [perImage])], {}, one);
  });
  const rank = [few.length];
  return parts.length === 1 ? parts[0]! : emitHelper(call, 'Concat', parts, { axis: 0 }, [rank, rank]);
}

/** The sizes that element-wise nodes have. */
export function broadcastSizes(values: readonly Value[]): Sizes {
  const of = (k: 0 | 1) =>
    broadcastShapes(
      'onnx',
      values.map(({ sizes }) => sizes[k]),
    );
  return [of(0), of(1)];
}

/** The sentence with which the export of a network ends. */
export function refusal({ step }: Call, problem: string): Error {
  return new Error(`onnx: ${describeStep(step)} ${problem}`);
}
