/**
 * Stochastic gradient descent. The folder owns what turns gradients into new parameters: optimizers, gradient clipping and
 * learning-rate schedules.
 */
import {
  add,
  type HostArray,
  type Shape,
  State,
  scale,
  sgdMomentum,
  sgdNesterov,
  sgdStep,
  type Tensor,
  tensor,
  withLabel,
} from '../core/index.ts';
import { requestStep } from '../core/plan/flush.ts';
import { formatShape, sameShape } from '../core/shape.ts';
import { groupsOf, type ParameterGroup, type ResolvedGroup, type SGDOptions } from './groups.ts';

/** What `SGD.stateDict` gives: momentum by the parameters' names, and how many steps were taken. */
export interface SGDState {
  /** Steps taken. */
  readonly steps: number;
  /** The velocity of each parameter that has one, in the parameter's shape. */
  readonly momentum: ReadonlyMap<
    string,
    {
      /** The parameter's. */
      readonly shape: Shape;
      /** The velocity, flat and row-major. */
      readonly data: HostArray;
    }
  >;
}

/**
 * SGD with momentum as PyTorch defines it, for each parameter w with gradient g:
 *
 *     g = g + weightDecay * w
 *     v = g at the first step, then  v = momentum * v + (1 - dampening) * g
 *     w = w - learningRate * v        or with nesterov  w = w - learningRate * (g + momentum * v)
 *
 * The order of operations is PyTorch's, and so is the rounding to float32 after each, with two exceptions in the last bit: PyTorch's
 * vector kernels and GPUs may round `a + b * c` once, and the gpu.js device `cpu` computes in float64 and rounds at the end (see
 * core/ops/sgd). On the reference device everything is float64.
 */
export class SGD {
  /** The next step's rate; set it from a schedule. A group with a rate of its own keeps its ratio to this one. */
  learningRate: number;
  /** Steps taken. */
  steps = 0;
  private readonly groups: readonly ResolvedGroup[];
  private readonly momentum = new Map<State, State>();

  /**
   * Takes parameters, or groups of them with options of their own. Throws an Error for no parameters and for one given twice, a
   * RangeError for options out of range.
   */
  constructor(parameters: readonly State[] | readonly ParameterGroup[], options: SGDOptions) {
    this.learningRate = options.learningRate;
    this.groups = groupsOf(parameters, options);
  }

  /** The parameters of all groups. */
  get parameters(): State[] {
    return this.groups.flatMap((group) => group.parameters);
  }

  /** Forgets the gradients: the next `backward` begins them anew. */
  zeroGrad(): void {
    for (const parameter of this.parameters) parameter.grad = undefined;
  }

  /**
   * Moves every parameter that has a gradient, in one plan with the backward pass that is still waiting. The promise settles when
   * it has run; it need not be awaited. Throws where no parameter has a gradient.
   */
  step(): Promise<void> {
    const ready = this.parameters.filter((parameter) => parameter.grad !== undefined);
    if (ready.length === 0) throw new Error('SGD.step: no parameter has a gradient; call loss.backward() first');
    for (const group of this.groups) {
      const rate = tensor(this.learningRate * group.rateRatio);
      for (const parameter of group.parameters) {
        if (parameter.grad !== undefined)
          withLabel(parameter.label, () => this.update(parameter, parameter.grad!.read(), rate, group));
      }
    }
    this.steps += 1;
    return requestStep();
  }

  private update(parameter: State, gradient: Tensor, rate: Tensor, group: ResolvedGroup): void {
    const weight = parameter.read();
    parameter.assign(sgdStep(weight, this.direction(parameter, gradient, weight, group), rate));
  }

  /** What is taken from the weight, but for the learning rate. */
  private direction(parameter: State, gradient: Tensor, weight: Tensor, group: ResolvedGroup): Tensor {
    const { momentum, weightDecay, nesterov } = group;
    if (momentum === 0) return weightDecay === 0 ? gradient : add(gradient, scale(weight, weightDecay));
    const first = !this.momentum.has(parameter);
    const buffer = this.bufferOf(parameter);
    // 0 * momentum + g is g to the bit, so the first step needs no plan of its own; only dampening sits it out.
    const dampening = first ? 0 : group.dampening;
    const next = sgdMomentum(buffer.read(), gradient, weight, { momentum, weightDecay, dampening });
    buffer.assign(next);
    return nesterov ? sgdNesterov(next, gradient, weight, { momentum, weightDecay }) : next;
  }

  private bufferOf(parameter: State): State {
    const known = this.momentum.get(parameter);
    if (known !== undefined) return known;
    const buffer = new State(new Float32Array(parameter.size), { shape: parameter.shape, label: `${parameter.label}.momentum` });
    this.momentum.set(parameter, buffer);
    return buffer;
  }

  /** Everything that the next step depends on besides parameters and options, fetched from the device in one read. */
  async stateDict(): Promise<SGDState> {
    const { steps } = this;
    checkDistinct(this.parameters);
    const read = ([parameter, buffer]: [State, State]) =>
      buffer.data().then((data) => [parameter.label, { shape: buffer.shape, data }] as const);
    return { steps, momentum: new Map(await Promise.all([...this.momentum].map(read))) };
  }

  /** Goes on where `state` was saved. Throws before anything changes if a name or shape does not fit. */
  loadStateDict({ steps, momentum }: SGDState): void {
    checkDistinct(this.parameters);
    const byName = new Map(this.parameters.map((parameter) => [parameter.label, parameter]));
    for (const [name, { shape }] of momentum) checkBuffer(name, shape, byName.get(name));
    this.momentum.clear();
    for (const [name, { data }] of momentum) this.bufferOf(byName.get(name)!).assign(tensor(data, byName.get(name)!.shape));
    this.steps = steps;
  }
}

function checkDistinct(parameters: readonly State[]): void {
  const names = new Set<string>();
  for (const { label } of parameters) {
    if (names.has(label))
      throw new Error(`SGD: two parameters are called ${label}; give each State a label of its own to save or load`);
    names.add(label);
  }
}

function checkBuffer(name: string, shape: Shape, parameter: State | undefined): void {
  if (parameter === undefined) throw new Error(`SGD.loadStateDict: there is momentum for ${name}, but no such parameter`);
  if (sameShape(shape, parameter.shape)) return;
  throw new Error(
    `SGD.loadStateDict: momentum of ${name} has shape ${formatShape(shape)}, but the parameter has ${formatShape(parameter.shape)}`,
  );
}
