import type { Module } from './module.ts';

/** Puts a network into evaluation mode; the function it gives puts every module back into the mode it had. */
export function evaluationMode(model: Module): () => void {
  const modes = [...model.namedModules().keys()].map((module) => ({ module, training: module.training }));
  model.eval();
  return () => {
    for (const { module, training } of modes) module.training = training;
  };
}
