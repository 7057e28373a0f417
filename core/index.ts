/**
 * What users import from 'tapegrad'.
 * @module tapegrad
 */
export { withLabel } from './debug.ts';
export { type DefinedOp, defineOp, type FormulaDefinition, type LoopDefinition, type ScalarFunctions } from './defineOp.ts';
export { DEVICE_NAMES, type DeviceName, deviceName, kernelForm, threadsInUse, useDevice } from './devices/current.ts';
export { DeviceError, type DeviceOptions, MemoryError, type MemoryNeed } from './devices/device.ts';
export type { KernelFunction, KernelThis } from './devices/gpu/kernel.ts';
export { measureSteps } from './devices/measure.ts';
export type { HostArray, HostNdArray, HostValue, NestedNumbers } from './host.ts';
export type { GradientRule, OpCall, OpOptions } from './op.ts';
export * from './ops/index.ts';
export type { Expression, ScalarFunction } from './ops/pointwise/expression.ts';
export { memoryFor } from './plan/estimate.ts';
export { explain, type Plan, type StepNotes } from './plan/plan.ts';
export { lastPlan } from './plan/run.ts';
export { type Shape, ShapeError } from './shape.ts';
export { State, type StateOptions } from './state.ts';
export { backward, describe, gradient } from './tape.ts';
export { Tensor, type TensorLike, tensor } from './tensor.ts';
