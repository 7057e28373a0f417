/** How long the experiments train. Speeds are those of two cores: 550 images/s with 20 layers, 190 with 56. */
import type { GivenSettings } from '../training/index.ts';

/** 384 steps: 12 passes over 2,000 images, without augmentation, so that the training error falls far in few steps. */
export const QUICK: GivenSettings = { limit: 2000, batchSize: 64, epochs: 12, evaluateEvery: 3, learningRate: 0.05 };

/** Five passes over all of CIFAR-10. */
export const EVENING: GivenSettings = { batchSize: 128, epochs: 5, learningRate: 0.1, augment: 'cifar' };

/** Sec. 4.2 to the letter but for the validation images: nothing is chosen by them, so none are held out. */
export const PAPER: GivenSettings = { recipe: 'cifar', validation: 0 };
