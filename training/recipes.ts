/**
 * Recipes: settings under one name. `cifar` and `imagenet` are the paper's (He et al., arXiv:1512.03385, sec. 3.4 and 4.2) to the
 * letter; `quick` gets far in ten epochs. Every part can be overridden.
 */
import { DEFAULT_SETTINGS, type TrainingSettings } from './settings.ts';

/** What happens to the pictures; part of a recipe, though the data sets do it. */
export interface PictureSettings {
  /** cifar: pad by 4, crop, flip. imagenet: shorter side at random in [256, 480], crop 224, flip, colours. */
  readonly augment: 'none' | 'cifar' | 'imagenet';
  /** What is subtracted: the mean picture, the mean of each channel over the training images, or three given numbers. */
  readonly mean: 'pixel' | 'channel' | readonly number[];
  /** What pixels are divided by then. */
  readonly std: readonly number[];
}

/** The channels' mean and deviation on ImageNet, as published weights expect them, of CIFAR-10 too. */
export const IMAGENET_PIXELS: Pick<PictureSettings, 'mean' | 'std'> = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** All that a recipe decides. */
export type RecipeSettings = TrainingSettings & PictureSettings;

/** The names of the recipes. */
export const RECIPES = ['cifar', 'imagenet', 'quick'] as const;
/** A recipe by its name. */
export type RecipeName = (typeof RECIPES)[number];

const DEFAULTS: RecipeSettings = { ...DEFAULT_SETTINGS, augment: 'none', ...IMAGENET_PIXELS };

/** Sec. 4.2: 64k iterations of 128 images, rate divided by 10 at 32k and 48k, 45k images to train on and 5k to validate. */
const CIFAR: RecipeSettings = {
  ...DEFAULTS,
  batchSize: 128,
  epochs: 183, // 64,000 steps of 128 images out of 45,000 end in the 182nd
  steps: 64_000,
  learningRate: 0.1,
  weightDecay: 1e-4,
  rate: { ...DEFAULTS.rate, schedule: 'steps', milestones: [32_000, 48_000], factor: 0.1, warmUp: 0 },
  validation: 5000,
  augment: 'cifar',
  mean: 'pixel',
  std: [1, 1, 1],
};

/** Sec. 3.4: batches of 256, rate 0.1 divided by 10 when the error plateaus, up to 60e4 iterations. */
const IMAGENET: RecipeSettings = {
  ...DEFAULTS,
  batchSize: 256,
  epochs: 120, // 600,000 steps of 256 images out of 1.28 million
  steps: 600_000,
  learningRate: 0.1,
  weightDecay: 1e-4,
  rate: { ...DEFAULTS.rate, schedule: 'plateau', factor: 0.1, patience: 5, warmUp: 0 },
  augment: 'imagenet',
  mean: 'pixel',
  std: [1, 1, 1],
};

/**
 * Ten epochs: a high rate that rises for a fifth of the steps and falls along a cosine (Loshchilov and Hutter, arXiv:1608.03983),
 * Nesterov momentum, five times the paper's weight decay but none on norms and biases, smoothed labels (arXiv:1512.00567, sec. 7).
 */
const QUICK: RecipeSettings = {
  ...DEFAULTS,
  batchSize: 64,
  epochs: 10,
  learningRate: 0.2,
  nesterov: true,
  weightDecay: 5e-4,
  decayNorms: false,
  labelSmoothing: 0.1,
  rate: { ...DEFAULTS.rate, schedule: 'cosine', warmUp: 0.2 },
  augment: 'cifar',
};

/** The settings of a recipe for a model of the paper; without a recipe the defaults. ResNet-110 warms up (sec. 4.2). */
export function recipeSettings(recipe: RecipeName | undefined, model: string): RecipeSettings {
  if (recipe === undefined) return DEFAULTS;
  if (recipe === 'quick') return QUICK;
  if (recipe === 'imagenet') return IMAGENET;
  return ['resnet110', 'cifar-resnet110'].includes(model)
    ? { ...CIFAR, rate: { ...CIFAR.rate, warmUpRate: 0.01, warmUpError: 0.8 } }
    : CIFAR;
}
