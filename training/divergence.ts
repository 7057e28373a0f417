/** Where a loss that is not finite began. */
import type { HostArray } from '../core/index.ts';
import { BatchNorm2d, type Module } from '../nn/index.ts';

/**
 * The path of the first batch norm, in forward order, whose running statistics are not finite; undefined where all are. A step writes
 * them from the old weights, so they tell where in its forward pass the numbers went wrong. The networks of `models` define their
 * modules in forward order.
 */
export async function firstDivergedLayer(model: Module): Promise<string | undefined> {
  const norms = [...model.namedModules()].flatMap(([module, path]) => (module instanceof BatchNorm2d ? [{ module, path }] : []));
  const read = await Promise.all(norms.map(({ module }) => Promise.all([module.runningMean.data(), module.runningVar.data()])));
  return norms[read.findIndex((statistics) => !statistics.every(allFinite))]?.path;
}

/** Whether every value is a finite number. */
export function allFinite(values: HostArray): boolean {
  return values.every(Number.isFinite);
}

/** Weights or a loss that are no longer finite: the run cannot go on from here. */
export class DivergenceError extends Error {
  /** Always `DivergenceError`. */
  override readonly name = 'DivergenceError';
}

/** The sentence with which a run ends: what happened, where, what to do. */
export async function divergence(model: Module, step: number, loss: number): Promise<DivergenceError> {
  const layer = await firstDivergedLayer(model);
  const where =
    layer === undefined
      ? 'the statistics of all batch norms are finite, so it arose behind the last of them'
      : `the first layer whose batch statistics are not finite is ${layer}`;
  return new DivergenceError(
    `the loss of step ${step + 1} is ${loss}; ${where}; try a smaller --learning-rate, from the last checkpoint or from the beginning`,
  );
}
