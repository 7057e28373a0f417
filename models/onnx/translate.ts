/** Every op that a network can record in evaluation mode, as nodes of an ONNX graph. Element-wise ops are in formula.ts. */

import type { Tensor } from '../../core/index.ts';
import type { ConvOptions } from '../../core/ops/conv2d/geometry.ts';
import type { MatmulOptions } from '../../core/ops/matmul/matmul.ts';
import type { ReduceOptions } from '../../core/ops/reduce/sum.ts';
import type { PlaceOptions, SliceOptions } from '../../core/ops/slice/slice.ts';
import type { Constant } from './constants.ts';
import {
  type Call,
  type Context,
  emit,
  hold,
  inputSizes,
  integers,
  read,
  readAll,
  readAs,
  refusal,
  reshaped,
} from './context.ts';
import { formula } from './formula.ts';
import type { Graph, Value } from './graph.ts';
import { averagePool, maxPool } from './pooling.ts';
import { mapSizes, type Recording, sizesOf, varies } from './recording.ts';
import type { Step } from './steps.ts';

/** By the step's name. What it gives has the elements of the step's output in their order. */
const TRANSLATIONS: Readonly<Record<string, (call: Call) => Value>> = {
  conv2d: convolution,
  batchNorm: (call) => emit(call, 'BatchNormalization', readAll(call), { epsilon: { float: Number(call.step.options.epsilon) } }),
  maxPool2d: maxPool,
  avgPool2d: averagePool,
  matmul: matrixProduct,
  mean,
  sum: (call) => {
    const { axes } = call.step.options as ReduceOptions;
    return emit(call, 'ReduceSum', [read(call, 0), integers(call, axes)], { keepdims: 1 });
  },
  max: (call) => emit(call, 'ReduceMax', [read(call, 0)], { axes: (call.step.options as ReduceOptions).axes, keepdims: 1 }),
  logSoftmax: (call) => emit(call, 'LogSoftmax', [read(call, 0)], { axis: Number(call.step.options.axis) }),
  concat: (call) => emit(call, 'Concat', readAll(call), { axis: Number(call.step.options.axis) }),
  permute: (call) => emit(call, 'Transpose', [read(call, 0)], { perm: (call.step.options as { axes: readonly number[] }).axes }),
  slice,
  place,
  reshape: (call) => hold(call.context, call.step.inputs[0]!),
  detach: (call) => hold(call.context, call.step.inputs[0]!),
};

/** The graph of the steps, and the value that is its output. */
export function translate(
  recording: Recording,
  steps: readonly Step[],
  constants: ReadonlyMap<Tensor, Constant>,
): { graph: Graph; output: Value } {
  const images: Value = { sizes: sizesOf(recording, recording.input) };
  const graph: Graph = { images, nodes: [], initialisers: [] };
  const context: Context = { recording, graph, constants, held: new Map([[recording.input, images]]), reshaped: new Map() };
  for (const step of steps) {
    const call: Call = { context, step, sizes: sizesOf(recording, step.output) };
    context.held.set(step.output, translateStep(call));
  }
  const { output } = recording;
  const last = steps.at(-1);
  const value = hold(context, output);
  if (last === undefined) return { graph, output: value };
  return { graph, output: reshaped({ context, step: last, sizes: value.sizes }, value, sizesOf(recording, output)) };
}

function translateStep(call: Call): Value {
  const { source } = call.step.output;
  const translation = TRANSLATIONS[call.step.name];
  if (translation !== undefined) return translation(call);
  if (source.kind === 'op' && source.op.expression !== undefined) return formula(call, source.op.expression(source.options));
  throw refusal(call, "has no ONNX form; export a network of nn's layers, in evaluation mode, without it");
}

function convolution(call: Call): Value {
  const { stride, padding, dilation, groups } = call.step.options as ConvOptions;
  return emit(call, 'Conv', readAll(call), {
    kernel_shape: inputSizes(call, 1)[0].slice(2),
    strides: stride,
    pads: [...padding, ...padding],
    dilations: dilation,
    group: groups,
  });
}

/** One matrix each, with a bias or without: Gemm. Batches of matrices: MatMul, which has no transposes of its own. */
function matrixProduct(call: Call): Value {
  const { transposeA, transposeB } = call.step.options as MatmulOptions;
  const [a, b] = [inputSizes(call, 0), inputSizes(call, 1)];
  if (a[0][0] === 1 && a[1][0] === 1) {
    const matrices = [a, b].map((sizes, k) =>
      readAs(
        call,
        k,
        mapSizes(sizes, (shape) => shape.slice(1)),
      ),
    );
    const bias = call.step.inputs.length > 2 ? [read(call, 2)] : [];
    const attributes = { transA: Number(transposeA), transB: Number(transposeB) };
    return emit(
      call,
      'Gemm',
      [...matrices, ...bias],
      attributes,
      mapSizes(call.sizes, (shape) => shape.slice(-2)),
    );
  }
  const transposed = (k: 0 | 1, exchange: boolean): Value => {
    const sizes = mapSizes(inputSizes(call, k), ([batch, rows, columns]) => [batch!, columns!, rows!]);
    return exchange ? emit(call, 'Transpose', [read(call, k)], { perm: [0, 2, 1] }, sizes) : read(call, k);
  };
  return emit(call, 'MatMul', [transposed(0, transposeA), transposed(1, transposeB)]);
}

function mean(call: Call): Value {
  const { axes } = call.step.options as ReduceOptions;
  const x = read(call, 0);
  const kept = mapSizes(x.sizes, (shape) => shape.map((length, axis) => (axes.includes(axis) ? 1 : length)));
  const rank = x.sizes[0].length;
  const isGlobal = rank > 2 && axes.length === rank - 2 && axes.every((axis) => axis > 1);
  return isGlobal ? emit(call, 'GlobalAveragePool', [x], {}, kept) : emit(call, 'ReduceMean', [x], { axes, keepdims: 1 }, kept);
}

/** Beyond the first element, whichever way a slice runs. */
const BEFORE_ALL = -(2 ** 31);

/** Axes that are taken whole are not named, so the batch's length is not either. */
function slice(call: Call): Value {
  const { start, step } = call.step.options as SliceOptions;
  const x = inputSizes(call, 0);
  const count = call.sizes[0];
  const axes = start.flatMap((first, axis) => {
    const whole = [0, 1].every((k) => x[k as 0 | 1][axis] === call.sizes[k as 0 | 1][axis]);
    return whole && first === 0 && step[axis] === 1 ? [] : [axis];
  });
  if (axes.some((axis) => varies(call.sizes, axis)))
    throw refusal(call, 'cuts along an axis that depends on the number of images, which has no ONNX form here');
  const ends = axes.map((axis) => {
    const last = start[axis]! + (count[axis]! - 1) * step[axis]!;
    return step[axis]! > 0 ? last + 1 : last === 0 ? BEFORE_ALL : last - 1;
  });
  const lists = [axes.map((axis) => start[axis]!), ends, axes, axes.map((axis) => step[axis]!)];
  return emit(call, 'Slice', [read(call, 0), ...lists.map((list) => integers(call, list))]);
}

/** Zeros around x: what pad records. */
function place(call: Call): Value {
  const { start, step } = call.step.options as PlaceOptions;
  const x = inputSizes(call, 0);
  if (step.some((each, axis) => each !== 1 && x[0][axis] !== 1))
    throw refusal(call, 'puts zeros between elements, which has no ONNX form here; only steps of 1 have');
  const [after, others] = call.sizes.map((shape, k) => shape.map((length, axis) => length - start[axis]! - x[k as 0 | 1][axis]!));
  if (after!.some((length, axis) => length !== others![axis]))
    throw refusal(call, 'pads an axis by a length that depends on the number of images, which has no ONNX form here');
  return emit(call, 'Pad', [read(call, 0), integers(call, [...start, ...after!])]);
}
