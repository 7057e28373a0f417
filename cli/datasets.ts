/** The images that settings name. */

import type { Normalisation, RunSettings } from '../training/index.ts';
import { openFolderTest, openFolderTraining } from './folders.ts';
import type { EvaluationData, ImageSettings, ReadOptions, Split, TrainingData, Views } from './images.ts';
import { openMemoryTest, openMemoryTraining } from './memoryImages.ts';

/** The training images of a run, with what is held out. Throws a sentence about what is missing or malformed. */
export function openTrainingData(settings: RunSettings, options: ReadOptions): Promise<TrainingData> {
  return settings.dataset === 'imagefolder' ? openFolderTraining(settings, options) : openMemoryTraining(settings);
}

/** The images of a split, to evaluate on, with what the training images are normalised by. */
export function openTestData(
  settings: ImageSettings,
  normalisation: Normalisation,
  options: ReadOptions,
  { split = 'test', views = 'single', scales }: { split?: Split; views?: Views; scales?: readonly number[] } = {},
): EvaluationData {
  if (settings.dataset === 'imagefolder')
    return openFolderTest(settings, normalisation, options, { split, views, ...(scales && { scales }) });
  if (views !== 'single')
    throw new Error(`--views ${views} is for --dataset imagefolder; the paper tests ${settings.dataset} on the single image`);
  return openMemoryTest(settings, normalisation, split);
}
