/** Parameter groups: parts of a network with options of their own. */
import { State } from '../core/index.ts';

/** Options of `SGD`, with PyTorch's meaning; learningRate, momentum and weightDecay are finite and at least 0. */
export interface SGDOptions {
  /** What a step takes of the direction; see `SGD.learningRate`. */
  readonly learningRate: number;
  /** Share of the old velocity in the new one; 0 by default. */
  readonly momentum?: number;
  /** Share of the gradient that momentum leaves out, from the second step on; 0 by default. */
  readonly dampening?: number;
  /** lambda of the L2 penalty lambda / 2 * |w|^2; 0 by default. */
  readonly weightDecay?: number;
  /** Looks a step ahead: needs momentum, and no dampening; false by default. */
  readonly nesterov?: boolean;
}

/** Parameters with the options in which they differ from the optimizer's. */
export interface ParameterGroup extends Partial<SGDOptions> {
  /** Each State may be in one group only. */
  readonly parameters: readonly State[];
}

/** A group with nothing left open. */
export interface ResolvedGroup extends Required<Omit<SGDOptions, 'learningRate'>> {
  readonly parameters: readonly State[];
  /** The group's learning rate as a multiple of the optimizer's. */
  readonly rateRatio: number;
}

/**
 * Two groups: weights, and without weight decay what has a single axis, which is biases and the gamma and beta of norms:
 * `new SGD(withoutDecay(model.parameters()), { learningRate: 0.1, weightDecay: 1e-4 })`.
 */
export function withoutDecay(parameters: readonly State[]): ParameterGroup[] {
  const isWeight = (parameter: State): boolean => parameter.shape.length > 1;
  return [
    { parameters: parameters.filter(isWeight) },
    { parameters: parameters.filter((parameter) => !isWeight(parameter)), weightDecay: 0 },
  ];
}

/** Fills in and checks every option. */
export function groupsOf(parameters: readonly State[] | readonly ParameterGroup[], options: SGDOptions): ResolvedGroup[] {
  const groups = isStates(parameters) ? [{ parameters }] : parameters;
  const all = groups.flatMap((group) => group.parameters);
  if (all.length === 0) throw new Error('SGD: no parameters given');
  const twice = all.find((parameter, k) => all.indexOf(parameter) !== k);
  if (twice !== undefined) throw new Error(`SGD: parameter ${twice.label} is given twice; it would be moved twice a step`);
  return groups.map((group) => resolve(group, options));
}

function isStates(parameters: readonly State[] | readonly ParameterGroup[]): parameters is readonly State[] {
  return parameters[0] instanceof State;
}

function resolve(group: ParameterGroup, options: SGDOptions): ResolvedGroup {
  const { momentum = 0, dampening = 0, weightDecay = 0, nesterov = false, learningRate } = { ...options, ...group };
  for (const [name, value] of Object.entries({ learningRate, momentum, weightDecay })) {
    if (!(Number.isFinite(value) && value >= 0))
      throw new RangeError(`SGD: ${name} ${value} given; it needs to be a number of at least 0`);
  }
  if (nesterov && (momentum === 0 || dampening !== 0))
    throw new RangeError('SGD: nesterov needs momentum above 0 and no dampening');
  if (learningRate !== options.learningRate && options.learningRate === 0)
    throw new RangeError("SGD: a group has a learning rate of its own, so the optimizer's must be above 0");
  const rateRatio = learningRate === options.learningRate ? 1 : learningRate / options.learningRate;
  return { parameters: group.parameters, momentum, dampening, weightDecay, nesterov, rateRatio };
}
