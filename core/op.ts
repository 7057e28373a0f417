/**
 * Op: one differentiable operation, as plain data. An op folder exports one or more of these with the user functions that record
 * them; everything else in core walks over tensors without knowing any op by name.
 */

import type { GpuProgram } from './devices/gpu/kernel.ts';
import type { SimdCall, SimdProgram } from './devices/simd/kernel.ts';
import type { Expression } from './ops/pointwise/expression.ts';
import { throwPendingFailure } from './plan/flush.ts';
import type { LayoutRule } from './plan/layout.ts';
import { checkShape, type Shape } from './shape.ts';
import { Tensor } from './tensor.ts';

/** Structural choices (strides, axes, epsilon): plain JSON, part of the plan's key. What changes per step is an input instead. */
export type OpOptions = Readonly<Record<string, unknown>>;

/** Everything known of a call before it runs. */
export interface OpCall<Options> {
  /** Of the inputs, in their order. */
  readonly shapes: readonly Shape[];
  /** What the shape rule gave. */
  readonly outputShape: Shape;
  /** With nothing left open. */
  readonly options: Options;
}

/** A call with its numbers. `output` holds old values on entry: the loops write every element. */
export interface ReferenceCall<Options> extends OpCall<Options> {
  readonly inputs: readonly Float64Array[];
  readonly output: Float64Array;
}

export interface GradientCall<Options> {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  /** Gradient of the loss by `output`, of its shape. */
  readonly dy: Tensor;
  readonly options: Options;
}

/** Records the gradient by one input when it is needed; null where there is none (labels, conditions, random keys). */
export type GradientRule = (() => Tensor) | null;

export interface Op<Options extends OpOptions = OpOptions> {
  /** In error messages, printed tapes and keys. */
  readonly name: string;
  /** Names of the inputs; the last one stands for all that follow it. */
  readonly inputs: readonly string[];
  /** The output's shape; throws a ShapeError where the inputs do not fit. */
  shape(shapes: readonly Shape[], options: Options): Shape;
  /** The formula as loops in float64: the oracle for every device. */
  reference(call: ReferenceCall<Options>): void;
  /** A rule per input, in their order, written in ops. */
  gradient(call: GradientCall<Options>): readonly GradientRule[];
  /** The gpu.js kernels. Where a device has none, the reference loops run on the host, between the steps of the device. */
  gpu?(call: OpCall<Options>): GpuProgram;
  /** The kernels of the simd engine. */
  simd?(call: SimdCall<Options>): SimdProgram;
  /** The order in which those kernels take and give 4-D arrays; all logical without it. */
  readonly layout?: LayoutRule;
  /** Element-wise ops only: the formula that fusion can substitute into another. */
  expression?(options: Options): Expression;
  /**
   * The op followed by an element-wise formula, as one op: input 0 of the formula is the result, the others are further arrays of the
   * result's shape, which join the inputs at their end. Where there is no such form for these options and shapes: undefined.
   */
  followedBy?(call: OpCall<Options>, formula: Expression): { readonly op: Op; readonly options: OpOptions } | undefined;
  /**
   * The op of an element-wise formula in place of its input 0, as one op: that input goes, and the arrays that the formula reads, of its
   * shape, join the inputs at their end. Where there is no such form for these options and shapes: undefined.
   */
  precededBy?(call: OpCall<Options>, formula: Expression): { readonly op: Op; readonly options: OpOptions } | undefined;
  /** True when the output is the input under another shape: no step runs. */
  readonly alias?: true;
}

/** Records `op` on the tape: checks the shapes and returns the tensor that remembers how to compute itself. */
export function record<Options extends OpOptions>(op: Op<Options>, inputs: readonly Tensor[], options: Options): Tensor {
  throwPendingFailure();
  const shape = op.shape(
    inputs.map((input) => input.shape),
    options,
  );
  checkShape(op.name, shape);
  return new Tensor(shape, { kind: 'op', op, inputs, options });
}
