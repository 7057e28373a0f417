/**
 * One value of each row, chosen by a label, and its adjoint; each is the other's gradient:
 *
 *     gather   y[n]    = x[n, labels[n]]                           dx = scatter(dy)
 *     scatter  x[n, c] = dy[n] where c = labels[n], else 0         d dy = gather(dx)
 *
 * Only matrices x [n, c] are supported. Labels are integers from 0 to c - 1 in a tensor like any other, without a gradient. They
 * are checked where they are host values; on a device, a label that is no class stands for a class whose x is 0.
 */
import { type Op, record } from '../../op.ts';
import { formatShape, type Shape, ShapeError } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import type { NoOptions } from '../pointwise/pointwise.ts';
import { gatherProgram, scatterProgram } from './gpu.ts';
import { gatherProgram as simdGather, scatterProgram as simdScatter } from './simd.ts';

type ScatterOptions = { readonly classes: number };

const gatherOp: Op<NoOptions> = {
  name: 'gatherByLabel',
  inputs: ['x', 'labels'],
  shape: ([x, labels]) => {
    checkRows('gatherByLabel', { name: 'x', shape: x! }, labels!);
    return labels!;
  },
  reference: ({ inputs: [x, labels], output, shapes }) => {
    const classes = shapes[0]![1]!;
    for (let n = 0; n < output.length; n++) output[n] = isClass(labels![n]!, classes) ? x![n * classes + labels![n]!]! : 0;
  },
  gradient: ({ inputs: [x, labels], dy }) => [() => record(scatterOp, [dy, labels!], { classes: x!.shape[1]! }), null],
  gpu: ({ shapes }) => gatherProgram(shapes[0]![0]!, shapes[0]![1]!),
  simd: ({ shapes }) => simdGather(shapes[0]![0]!, shapes[0]![1]!),
};

const scatterOp: Op<ScatterOptions> = {
  name: 'scatterByLabel',
  inputs: ['dy', 'labels'],
  shape: ([dy, labels], { classes }) => {
    if (dy!.length === 1 && labels!.length === 1 && dy![0] === labels![0]) return [dy![0]!, classes];
    const given = `dy ${formatShape(dy!)}, labels ${formatShape(labels!)}, ${classes} classes`;
    throw new ShapeError('scatterByLabel', `dy and labels need one axis of the same length (${given})`, [dy!, labels!]);
  },
  reference: ({ inputs: [dy, labels], output, options: { classes } }) => {
    output.fill(0);
    dy!.forEach((value, n) => {
      if (isClass(labels![n]!, classes)) output[n * classes + labels![n]!] = value;
    });
  },
  gradient: ({ inputs: [, labels], dy: ddx }) => [() => record(gatherOp, [ddx, labels!], {}), null],
  gpu: ({ shapes, options }) => scatterProgram(shapes[0]![0]!, options.classes),
  simd: ({ shapes, options }) => simdScatter(shapes[0]![0]!, options.classes),
};

function isClass(label: number, classes: number): boolean {
  return Number.isInteger(label) && label >= 0 && label < classes;
}

/** A matrix by the name that messages give it. */
interface Matrix {
  readonly name: string;
  readonly shape: Shape;
}

function checkRows(op: string, { name, shape }: Matrix, labels: Shape): void {
  if (shape.length === 2 && labels.length === 1 && labels[0] === shape[0]) return;
  const given = `${name} ${formatShape(shape)}, labels ${formatShape(labels)}`;
  throw new ShapeError(op, `${name} needs shape [n, c] and labels [n], a label for each row (${given})`, [shape, labels]);
}

/**
 * Throws a ShapeError, in the name of `op`, where the matrix is not [n, c], labels are not [n], or a label that lies on the host is
 * not an integer from 0 to c - 1.
 */
export function checkLabels(op: string, matrix: Matrix, labels: Tensor): void {
  checkRows(op, matrix, labels.shape);
  if (labels.source.kind !== 'host') return;
  const { data } = labels.source;
  const classes = matrix.shape[1]!;
  const position = data.findIndex((label) => !isClass(label, classes));
  if (position < 0) return;
  const given = `${matrix.name} ${formatShape(matrix.shape)}, labels ${formatShape(labels.shape)}`;
  throw new ShapeError(
    op,
    `label ${data[position]} at position ${position} is not a class; labels need to be integers from 0 to ${classes - 1} (${given})`,
    [matrix.shape, labels.shape],
  );
}

/** x[n, labels[n]] for each row n: x [n, c] and labels [n] give [n]. Throws a ShapeError for other shapes and bad labels. */
export function gatherByLabel(x: Tensor, labels: Tensor): Tensor {
  checkLabels('gatherByLabel', { name: 'x', shape: x.shape }, labels);
  return record(gatherOp, [x, labels], {});
}

/** Each dy[n] in column labels[n] of a matrix of zeros: dy [n] and labels [n] give [n, classes]. Throws as gatherByLabel does. */
export function scatterByLabel(dy: Tensor, labels: Tensor, classes: number): Tensor {
  if (!Number.isInteger(classes) || classes < 1)
    throw new ShapeError('scatterByLabel', `${classes} classes given; it needs to be a whole number of at least 1`);
  const result = record(scatterOp, [dy, labels], { classes });
  checkLabels('scatterByLabel', { name: 'result', shape: result.shape }, labels);
  return result;
}
