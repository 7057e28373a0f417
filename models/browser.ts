/** What pages import from 'tapegrad/models': all that needs no files. */
export {
  CifarResNet,
  cifarResnet,
  plain20,
  plain32,
  plain44,
  plain56,
  plain110,
  resnet20,
  resnet32,
  resnet44,
  resnet56,
  resnet110,
  resnet1202,
} from './cifarResnet.ts';
export { buildNetwork, checkNetwork, type NetworkSettings, type NetworkStart } from './network.ts';
export { exportOnnx, type OnnxOptions } from './onnx/exportOnnx.ts';
export {
  type ModelOptions,
  plain18,
  plain34,
  ResNet,
  type ResNetOptions,
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
} from './resnet.ts';
export { decodeSafetensors, encodeSafetensors, WeightsError, type WriteOptions } from './safetensors.ts';
export { MODEL_NAMES, type ModelEntry, modelNamed, modelTable } from './table.ts';
