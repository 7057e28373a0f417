/**
 * What users import from 'tapegrad/data'; pages get browser.ts alone.
 * @module tapegrad/data
 */
export * from './browser.ts';
export { type CifarOptions, cifar10, cifar100 } from './cifarFiles.ts';
export { type ImageFolder, type ImageFolderOptions, imageFolder } from './imageFolder/imageFolder.ts';
export type { CropRule, PictureNormalisation, PictureRule } from './imageFolder/rule.ts';
export { type PictureStatistics, pictureStatistics, type StatisticsOptions } from './imageFolder/statistics.ts';
