import { modelTable } from '../models/index.ts';
import { type Initialiser, type Module, zeroWeights } from '../nn/index.ts';

/** A model with as many classes as the data set has; without a seed its weights are zeros, to be loaded. */
export function buildModel(name: string, classes: number, { seed }: { readonly seed?: number } = {}): Module {
  const weights: { weights?: Initialiser } = seed === undefined ? { weights: zeroWeights } : {};
  return modelTable.get(name)!.build({ classes, seed: seed ?? 0, ...weights });
}
