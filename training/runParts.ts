/** What settings make of a network and its images: the parts of a run that do not depend on who looks on. */
import type { DataLoader } from '../data/index.ts';
import type { Module } from '../nn/index.ts';
import { SGD, withoutDecay } from '../optim/index.ts';
import type { TrainingRun } from './loop.ts';
import { LearningRate } from './rate.ts';
import type { RunSettings } from './runSettings.ts';

/** The parts of a run that its settings decide. */
export type RunParts = Pick<
  TrainingRun,
  'model' | 'optimizer' | 'rate' | 'loader' | 'accumulate' | 'labelSmoothing' | 'totalSteps' | 'evaluateEvery'
>;

/** The loader, optimizer and learning rate that the settings ask for; `training` gives a loader of batches of so many images. */
export function runParts(settings: RunSettings, model: Module, training: (batchSize: number) => DataLoader): RunParts {
  const { batchSize, accumulate, learningRate, momentum, nesterov, weightDecay, decayNorms } = settings;
  const { labelSmoothing, evaluateEvery } = settings;
  const loader = training(batchSize / accumulate);
  const totalSteps = settings.steps ?? settings.epochs * Math.ceil(loader.length / accumulate);
  const parameters = decayNorms ? model.parameters() : withoutDecay(model.parameters());
  const optimizer = new SGD(parameters, { learningRate, momentum, nesterov, weightDecay });
  const rate = new LearningRate(settings, totalSteps);
  return { model, optimizer, rate, loader, accumulate, labelSmoothing, totalSteps, evaluateEvery };
}
