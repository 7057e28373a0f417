/**
 * What users import from 'tapegrad/nn'.
 * @module tapegrad/nn
 */
export { crossEntropy } from '../core/index.ts';
export { accuracy, rank } from './accuracy.ts';
export { BatchNorm2d, type BatchNorm2dOptions } from './batchNorm2d.ts';
export { Conv2d, type Conv2dLayerOptions } from './conv2d.ts';
export { Dropout, loadRandomState, randomState } from './dropout.ts';
export { evaluationMode } from './evaluationMode.ts';
export { type Fan, heNormal, heUniform, type Initialisation, type Initialiser, initialise, zeroWeights } from './initialise.ts';
export { Linear } from './linear.ts';
export { Module, type StateDict } from './module.ts';
export { AvgPool2d, GlobalAvgPool2d, MaxPool2d } from './pooling.ts';
export { BasicBlock, type BlockOptions, Bottleneck, type BottleneckOptions } from './residual.ts';
export { Sequential } from './sequential.ts';
export { PaddedIdentity, type Shortcut } from './shortcut.ts';
export { Flatten, Identity, ReLU } from './stateless.ts';
export { type ModuleMeasure, measure, type NetworkMeasure, summary } from './summary.ts';
