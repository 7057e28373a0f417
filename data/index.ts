/** What users import from 'tapegrad/data'. */

export type { Batch } from './batch.ts';
export { type CifarOptions, cifar10, cifar100 } from './cifar.ts';
export { type Dataset, type Image, subset } from './dataset.ts';
export { DataError, PictureError } from './error.ts';
export { holdOut } from './holdOut.ts';
export { type ImageFolder, type ImageFolderOptions, imageFolder } from './imageFolder/imageFolder.ts';
export type { CropRule, PictureNormalisation, PictureRule } from './imageFolder/rule.ts';
export { type PictureStatistics, pictureStatistics, type StatisticsOptions } from './imageFolder/statistics.ts';
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
