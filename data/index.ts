/** What users import from 'tapegrad/data'. */
export { type CifarOptions, cifar10, cifar100 } from './cifar.ts';
export { type Dataset, type Image, subset } from './dataset.ts';
export { DataError } from './error.ts';
export { type Batch, DataLoader, type LoaderOptions } from './loader.ts';
export { permutation, type Random, randomFor } from './random.ts';
export { type SyntheticOptions, synthetic } from './synthetic.ts';
export {
  compose,
  normalise,
  perPixelMean,
  randomCrop,
  randomHorizontalFlip,
  subtractMean,
  type Transform,
} from './transforms.ts';
