/**
 * A network's forward pass in evaluation mode, recorded for two batch sizes side by side: a length that differs between the two depends
 * on how many images there are, and any other is a constant. Nothing runs.
 */
import { type Shape, type Tensor, zeros } from '../../core/index.ts';
import { formatShape, sameShape } from '../../core/shape.ts';
import { tapeOf } from '../../core/tape.ts';
import { evaluationMode, type Module } from '../../nn/index.ts';

/** Not 1: core drops work along axes of length 1. */
export const BATCHES = [2, 3] as const;

/** A tensor's shape for each of the two batches. */
export type Sizes = readonly [few: Shape, many: Shape];

export interface Recording {
  /** The images. */
  readonly input: Tensor;
  readonly output: Tensor;
  /** All of the smaller batch's tape, inputs first. */
  readonly nodes: readonly Tensor[];
  /** The tensor of the larger batch for one of the smaller; itself where both share it. */
  readonly twin: (tensor: Tensor) => Tensor;
}

/** Records the network on images of `inputShape`, whose first length is the batch's and is not looked at. */
export function recordTwice(model: Module, inputShape: Shape): Recording {
  const [few, many] = [recordEvaluation(model, inputShape, BATCHES[0]), recordEvaluation(model, inputShape, BATCHES[1])];
  const twins = pairTapes(few, many);
  const nodes = tapeOf(few.output);
  if (!nodes.includes(few.input)) throw new Error('onnx: the output of the network does not depend on its input');
  return { ...few, nodes, twin: (tensor) => twins.get(tensor) ?? tensor };
}

export function sizesOf({ twin }: Pick<Recording, 'twin'>, tensor: Tensor): Sizes {
  return [tensor.shape, twin(tensor).shape];
}

/** Whether the length of an axis depends on the number of images. */
export function varies([few, many]: Sizes, axis: number): boolean {
  return few[axis] !== many[axis];
}

export function sameSizes(a: Sizes, b: Sizes): boolean {
  return sameShape(a[0], b[0]) && sameShape(a[1], b[1]);
}

/** Both shapes by one rule. */
export function mapSizes([few, many]: Sizes, rule: (shape: Shape) => Shape): Sizes {
  return [rule(few), rule(many)];
}

type Ends = Pick<Recording, 'input' | 'output'>;

function recordEvaluation(model: Module, inputShape: Shape, batch: number): Ends {
  const restore = evaluationMode(model);
  try {
    const input = zeros([batch, ...inputShape.slice(1)]);
    return { input, output: model.forward(input) };
  } finally {
    restore();
  }
}

/** Walks both tapes from their ends; they are the same graph, or the network looks at the number of images. */
function pairTapes(few: Ends, many: Ends): Map<Tensor, Tensor> {
  const twins = new Map([[few.output, many.output]]);
  for (const [a, b] of twins) {
    if (a === few.input && b === many.input) continue;
    if (!isAlike(a, b)) throw differs(a);
    const [inputsOfA, inputsOfB] = [inputsOf(a), inputsOf(b)];
    inputsOfA.forEach((input, k) => {
      const known = twins.get(input);
      if (known !== undefined && known !== inputsOfB[k]) throw differs(a);
      twins.set(input, inputsOfB[k]!);
    });
  }
  return twins;
}

function inputsOf({ source }: Tensor): readonly Tensor[] {
  return source.kind === 'op' ? source.inputs : [];
}

function isAlike({ source: a, shape, label }: Tensor, other: Tensor): boolean {
  const b = other.source;
  if (label !== other.label || shape.length !== other.shape.length) return false;
  if (a.kind === 'op') return b.kind === 'op' && a.op === b.op && a.inputs.length === b.inputs.length;
  if (a.kind === 'host')
    return b.kind === 'host' && sameShape(shape, other.shape) && a.data.every((value, at) => Object.is(value, b.data[at]));
  return a.kind === 'state' && b.kind === 'state' && a.state === b.state;
}

function differs(tensor: Tensor): Error {
  const { label, shape } = tensor;
  const where = label === '' ? '' : `${label} / `;
  const what = tensor.source.kind === 'op' ? tensor.source.op.name : 'constant';
  return new Error(
    `onnx: ${where}${what} ${formatShape(shape)} is recorded differently for ${BATCHES[0]} and for ${BATCHES[1]} images, so it has no form for any number of them`,
  );
}
