/** What pages import from 'tapegrad/data': all that needs no files. */
export type { Batch } from './batch.ts';
export { type Cifar100Labels, type CifarFile, cifar10FromFiles, cifar100FromFiles } from './cifar.ts';
export { type Dataset, type Image, subset } from './dataset.ts';
export { DataError, PictureError } from './error.ts';
export { holdOut } from './holdOut.ts';
export { DataLoader, type LoaderOptions } from './loader.ts';
export { permutation, type Random, randomFor } from './random.ts';
export { type SyntheticOptions, synthetic } from './synthetic.ts';
export {
  type Covariance,
  compose,
  lighting,
  normalise,
  perPixelMean,
  randomCrop,
  randomHorizontalFlip,
  subtractMean,
  type Transform,
} from './transforms.ts';
export type { UnreadableOptions } from './unreadable.ts';
