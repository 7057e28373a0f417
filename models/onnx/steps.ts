/**
 * The tape as the steps of an ONNX graph: most are one op each, and four are formulas of several ops that ONNX has one operator for.
 * They are recognised by their structure on the tape alone, so functions and modules are treated alike:
 *
 *     batchNorm   (x - mean) * (gamma / sqrt(variance + epsilon)) + beta        what BatchNorm2d records in evaluation mode
 *     conv2d      conv2d(x, weight) + bias                                      what Conv2d records
 *     matmul      matmul(a, b) + bias                                           what Linear records
 *     mean        sum(x) * (1 / count)
 */
import type { Tensor } from '../../core/index.ts';
import type { OpOptions } from '../../core/op.ts';
import type { ReduceOptions } from '../../core/ops/reduce/sum.ts';
import { sameShape } from '../../core/shape.ts';
import { BATCHES, type Recording } from './recording.ts';

export interface Step {
  /** An op's name, or one of the formulas'. */
  readonly name: string;
  /** The path of the module that recorded it. */
  readonly label: string;
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  readonly options: OpOptions;
}

/** `layer1.0.conv1 / conv2d`, the subject of a message. */
export function describeStep({ name, label }: Pick<Step, 'name' | 'label'>): string {
  return label === '' ? name : `${label} / ${name}`;
}

/** What the output needs, inputs first. */
export function stepsOf(recording: Recording): Step[] {
  const { nodes, input, output } = recording;
  const readers = countReaders(nodes);
  const needed = new Set([output]);
  const steps: Step[] = [];
  for (const node of [...nodes].reverse()) {
    if (!needed.has(node) || node === input || node.source.kind !== 'op') continue;
    const step =
      batchNormStep(node) ?? biasStep(recording, node, readers) ?? meanStep(recording, node) ?? opStep(recording, node);
    for (const each of step.inputs) needed.add(each);
    steps.push(step);
  }
  return steps.reverse();
}

function countReaders(nodes: readonly Tensor[]): Map<Tensor, number> {
  const readers = new Map<Tensor, number>();
  for (const { source } of nodes)
    if (source.kind === 'op') for (const input of source.inputs) readers.set(input, (readers.get(input) ?? 0) + 1);
  return readers;
}

/** Options that are shapes: they are read from the tensors, for both batches. */
const SHAPES: readonly string[] = ['shape', 'count'];

/** A node as a step; `output` is another one where an addition is part of it. */
function opStep({ twin }: Recording, node: Tensor, inputs = inputsOf(node), output = node): Step {
  const { source } = node;
  if (source.kind !== 'op') throw new Error('internal: only ops are steps');
  const step: Step = { name: source.op.name, label: node.label, inputs, output, options: source.options };
  const other = twin(node).source;
  const [few, many] = [source, other].map((each) =>
    JSON.stringify(each.kind === 'op' ? Object.entries(each.options).filter(([key]) => !SHAPES.includes(key)) : []),
  );
  if (few === many) return step;
  throw new Error(
    `onnx: ${describeStep(step)} has other options for ${BATCHES[0]} than for ${BATCHES[1]} images, so it has no form for any number of them`,
  );
}

/** The inputs of a tensor that this op made; nothing where another did. */
function inputsOf({ source }: Tensor, name?: string): readonly Tensor[] {
  return source.kind === 'op' && (name === undefined || source.op.name === name) ? source.inputs : [];
}

/** What was reshaped to give x, possibly several times. */
function unreshaped(x: Tensor): Tensor {
  let from = x;
  while (inputsOf(from, 'reshape').length > 0) from = inputsOf(from)[0]!;
  return from;
}

/** The vector [c] that x shows as [c, 1, ...], to go along the channels of a tensor of so many axes. */
function channelVector(x: Tensor, channels: number, rank: number): Tensor | undefined {
  const vector = unreshaped(x);
  const wanted = [channels, ...new Array<number>(rank - 2).fill(1)];
  return sameShape(vector.shape, [channels]) && sameShape(x.shape, wanted) ? vector : undefined;
}

function batchNormStep(node: Tensor): Step | undefined {
  const [scaled, shift] = inputsOf(node, 'add');
  const [centred, factor] = scaled === undefined ? [] : inputsOf(scaled, 'mul');
  const [x, centre] = centred === undefined ? [] : inputsOf(centred, 'sub');
  if (x === undefined || x.shape.length < 2 || !sameShape(x.shape, node.shape)) return undefined;
  const vectors = [factor, shift, centre].map((each) => channelVector(each!, x.shape[1]!, x.shape.length));
  const [quotient, beta, mean] = vectors;
  if (quotient === undefined || beta === undefined || mean === undefined) return undefined;
  const [gamma, deviation] = inputsOf(quotient, 'div');
  const [shifted] = deviation === undefined ? [] : inputsOf(deviation, 'sqrt');
  const [variance, offset] = shifted === undefined ? [] : inputsOf(shifted, 'add');
  const epsilon = offset === undefined ? undefined : fillValue(offset);
  if (gamma === undefined || variance === undefined || epsilon === undefined) return undefined;
  if (![gamma, variance].every((vector) => sameShape(vector.shape, mean.shape))) return undefined;
  return { name: 'batchNorm', label: node.label, inputs: [x, gamma, beta, mean, variance], output: node, options: { epsilon } };
}

/** The value of a scalar that is part of the plan. */
function fillValue({ source, shape }: Tensor): number | undefined {
  if (source.kind !== 'op' || source.op.name !== 'fill' || shape.length > 0) return undefined;
  return typeof source.options.value === 'number' ? source.options.value : undefined;
}

function biasStep(recording: Recording, node: Tensor, readers: ReadonlyMap<Tensor, number>): Step | undefined {
  const [sum, bias] = inputsOf(node, 'add');
  if (sum === undefined || bias === undefined || readers.get(sum) !== 1) return undefined;
  if (inputsOf(sum, 'conv2d').length > 0) {
    const vector = channelVector(bias, sum.shape[1]!, 4);
    return vector && opStep(recording, sum, [...inputsOf(sum), vector], node);
  }
  const product = unreshaped(sum);
  const isMatrix = sameShape(product.shape, [1, ...sum.shape]) && sum.shape.length === 2; // [1, m, n] seen as [m, n]
  if (!isMatrix || inputsOf(product, 'matmul').length === 0 || !sameShape(bias.shape, [sum.shape[1]!])) return undefined;
  return readers.get(product) === 1 ? opStep(recording, product, [...inputsOf(product), bias], node) : undefined;
}

function meanStep({ twin }: Recording, node: Tensor): Step | undefined {
  const axes = meanAxes(node);
  const total = axes && unreshaped(inputsOf(node)[0]!);
  if (total === undefined || meanAxes(twin(node)) === undefined) return undefined;
  return { name: 'mean', label: node.label, inputs: inputsOf(total), output: node, options: { axes } };
}

/** The axes of a sum that the factor makes a mean of. */
function meanAxes({ source }: Tensor): readonly number[] | undefined {
  if (source.kind !== 'op' || source.op.name !== 'scale') return undefined;
  const { source: sum } = unreshaped(source.inputs[0]!);
  if (sum.kind !== 'op' || sum.op.name !== 'sum') return undefined;
  const { axes } = sum.options as ReduceOptions;
  const count = axes.reduce((product, axis) => product * sum.inputs[0]!.shape[axis]!, 1);
  return source.options.factor === 1 / count ? axes : undefined;
}
