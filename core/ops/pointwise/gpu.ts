/**
 * The kernel of an element-wise formula, printed as source:
 *
 *     y[i] = formula(x0[index0(i)], x1[index1(i)], ...)      i contiguous
 *
 * An input of the output's shape is read at i, one with a single element at 0; others decode i along as few axes as will do.
 */
import { printDecode, printKernel } from '../../devices/gpu/decode.ts';
import { type GpuProgram, kernel, single } from '../../devices/gpu/kernel.ts';
import { broadcastStrides, sizeOf } from '../../shape.ts';
import { type Expression, printExpression } from './expression.ts';
import type { PointwiseCall } from './pointwise.ts';

export function pointwiseKernel(expression: Expression, { shapes, outputShape }: PointwiseCall): GpuProgram {
  const size = sizeOf(outputShape);
  const strides = shapes.map((shape) => broadcastStrides(shape, outputShape));
  const axes = mergeAxes(outputShape, strides);
  const indices = shapes.map((shape, k) => (sizeOf(shape) === size ? 'i' : sizeOf(shape) === 1 ? '0' : printIndex(axes, k)));
  const needsDecode = indices.some((index) => index !== 'i' && index !== '0');
  const { statements, result } = printExpression(expression, (k) => `x${k}[${indices[k]}]`);
  const decode = needsDecode ? printDecode(axes.map((axis) => axis.length)) : [];
  const source = printKernel(
    shapes.map((_, k) => `x${k}`),
    [...decode, ...statements, `return ${result};`],
  );
  return single(kernel('pointwise', source), {}, shapes.length, size);
}

interface Axis {
  readonly length: number;
  /** Elements that each input skips for one step along it. */
  readonly strides: readonly number[];
}

/** Neighbouring axes that every input walks as one become one; axes of length 1 vanish. */
function mergeAxes(shape: readonly number[], strides: readonly (readonly number[])[]): Axis[] {
  const merged: Axis[] = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] === 1) continue;
    const own = strides.map((stride) => stride[axis]!);
    const inner = merged[0];
    if (inner?.strides.every((stride, k) => own[k] === stride * inner.length))
      merged[0] = { length: inner.length * shape[axis]!, strides: inner.strides };
    else merged.unshift({ length: shape[axis]!, strides: own });
  }
  return merged;
}

function printIndex(axes: readonly Axis[], input: number): string {
  return axes.flatMap(({ strides }, axis) => (strides[input] === 0 ? [] : [`k${axis} * ${strides[input]}`])).join(' + ');
}
