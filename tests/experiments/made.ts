/** Made-up results, for verdicts. */
import type { ArmResult } from '../../experiments/index.ts';

export interface Made {
  readonly name: string;
  readonly error: number;
  readonly seed?: number;
  readonly parameters?: number;
  readonly multiplyAdds?: number;
  readonly std?: readonly number[];
  readonly diverged?: string;
}

/** One epoch over 1,000 training images, and as many test images with the same error. */
export function made({ name, error, seed = 0, parameters = 1, multiplyAdds = 1, std, diverged }: Made): ArmResult {
  const heldOut = { split: 'test' as const, loss: 1, error };
  const epoch = {
    epoch: 1,
    step: 8,
    learningRate: 0.1,
    trainLoss: 1,
    trainError: error,
    heldOut,
    seconds: 2,
    imagesPerSecond: 500,
  };
  return {
    name,
    seed,
    parameters,
    multiplyAdds,
    trainingImages: 1000,
    testImages: 1000,
    classes: 10,
    history: [epoch],
    diverged: diverged ?? null,
    responses: std?.map((value, k) => ({ name: `bn${k}`, depth: k + 1, std: value, gradientStd: 1 })) ?? null,
  };
}
