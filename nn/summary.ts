/**
 * A network in numbers. Found by recording a forward pass on zeros in evaluation mode and reading the tape: nothing runs.
 */
import { type Shape, type Tensor, zeros } from '../core/index.ts';
import { formatShape, sizeOf } from '../core/shape.ts';
import { tapeOf } from '../core/tape.ts';
import { evaluationMode } from './evaluationMode.ts';
import type { Module } from './module.ts';

/** One module in numbers. */
export interface ModuleMeasure {
  /** The module's path; '' for the network itself. */
  readonly name: string;
  /** Of the last op that the module records itself. */
  readonly outputShape: Shape;
  /** Trainable values that the module itself holds. */
  readonly parameters: number;
  /** Of convolutions and matrix products, as in the paper (table 1, "FLOPs"), for the given input. */
  readonly multiplyAdds: number;
}

/** A network in numbers. */
export interface NetworkMeasure {
  /** A row for every module that records ops, in the order of their first. */
  readonly modules: readonly ModuleMeasure[];
  /** Trainable values of the whole network, shared ones once. */
  readonly parameters: number;
  /** Those of all modules together. */
  readonly multiplyAdds: number;
}

/** Shapes, parameters and multiply-adds of a network in evaluation mode, for an input such as [1, 3, 224, 224]. Nothing runs. */
export function measure(module: Module, inputShape: Shape): NetworkMeasure {
  const output = recordEvaluation(module, inputShape);
  const parameters = new Map([...module.namedModules(module.path)].map(([part, path]) => [path, ownParameters(part)]));
  const rows = new Map<string, ModuleMeasure>();
  for (const node of tapeOf(output)) {
    if (node.source.kind !== 'op') continue;
    const name = node.label;
    const multiplyAdds = (rows.get(name)?.multiplyAdds ?? 0) + multiplyAddsOf(node);
    rows.set(name, { name, outputShape: node.shape, parameters: parameters.get(name) ?? 0, multiplyAdds });
  }
  const modules = [...rows.values()];
  return {
    modules,
    parameters: module.parameters().reduce((total, parameter) => total + parameter.size, 0),
    multiplyAdds: modules.reduce((total, row) => total + row.multiplyAdds, 0),
  };
}

/**
 * `measure` as a table: name, output shape, parameters, multiply-adds, the memory of the output in float32, and the totals. A training step
 * keeps most outputs until their gradient has been computed, and a convolution's twice, as itself and normalised; the peak of a plan is
 * what `DEBUG=1` prints.
 */
export function summary(module: Module, inputShape: Shape): string {
  const { modules, parameters, multiplyAdds } = measure(module, inputShape);
  const format = (count: number): string => (count === 0 ? '' : count.toLocaleString('en-US'));
  const rows = modules.map((row) => [
    row.name || module.constructor.name,
    formatShape(row.outputShape),
    format(row.parameters),
    format(row.multiplyAdds),
    kibibytes(sizeOf(row.outputShape)),
  ]);
  const activations = modules.reduce((sum, { outputShape }) => sum + sizeOf(outputShape), 0);
  const total = ['total', '', format(parameters), format(multiplyAdds), kibibytes(activations)];
  return table([['module', 'output', 'parameters', 'multiply-adds', 'activations'], ...rows, total]);
}

/** Of so many float32 values. */
function kibibytes(values: number): string {
  return `${(values / 256).toLocaleString('en-US', { maximumFractionDigits: 1, minimumFractionDigits: 1 })} KiB`;
}

function recordEvaluation(module: Module, inputShape: Shape): Tensor {
  const restore = evaluationMode(module);
  try {
    return module.forward(zeros(inputShape));
  } finally {
    restore();
  }
}

function ownParameters(module: Module): number {
  return module.ownStates().reduce((total, [, state]) => total + (state.trainable ? state.size : 0), 0);
}

/** conv2d: n o y x times c / groups i j. matmul: every element of the result times the length summed over. */
function multiplyAddsOf({ source, size }: Tensor): number {
  if (source.kind !== 'op') return 0;
  const { op, inputs, options } = source;
  if (op.name === 'conv2d') return size * sizeOf(inputs[1]!.shape.slice(1));
  if (op.name === 'matmul') return size * inputs[0]!.shape.at(options.transposeA === true ? -2 : -1)!;
  return 0;
}

/** Text on the left, numbers on the right. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const cell = (text: string, column: number): string =>
    column < 2 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!);
  return rows.map((row) => row.map(cell).join('  ').trimEnd()).join('\n');
}
