/**
 * Module: a part of a network, with its parameters, its buffers and the modules it is made of, as in PyTorch. The folder owns layers,
 * residual blocks and how they begin; formulas and kernels are core's.
 *
 * What a module holds is what its properties hold, in the order of their definition: States (trainable ones are parameters, the others
 * buffers), modules, and arrays of modules. Names are PyTorch's: `layer1.0.conv1.weight`, and `runningMean` is `running_mean`.
 */
import { type HostArray, type Shape, State, type Tensor, tensor, withLabel } from '../core/index.ts';
import { formatShape, sameShape } from '../core/shape.ts';

/** Values by name, on the host: what `stateDict` gives, `loadStateDict` takes and safetensors files hold. */
export type StateDict = ReadonlyMap<
  string,
  {
    /** The lengths of the axes. */
    readonly shape: Shape;
    /** The values, flat and row-major. */
    readonly data: HostArray;
  }
>;

/** How many `forward` calls are running: the outermost one names everything below it. */
let depth = 0;

/**
 * A part of a network. A subclass puts States and modules into its properties and writes `forward`; their names, and so the keys
 * of `stateDict`, follow from the properties: `runningMean` of `layer1[0].bn1` is `layer1.0.bn1.running_mean`.
 */
export abstract class Module {
  /** Set by `train` and `eval`; batch norm and dropout differ by it. */
  training = true;
  /** Where it stands in the network: `layer1.0.conv1`; '' for a root. The label of every op recorded in its `forward`. */
  path = '';

  /** Wraps the subclass's `forward` once, so that whoever calls it, and whatever it records, carries this module's path. */
  constructor() {
    const forward = this.forward;
    this.forward = (...inputs) => labelled(this, () => forward.apply(this, inputs));
  }

  /** The network's formula, written in ops and in calls of its children's `forward`. */
  abstract forward(...inputs: Tensor[]): Tensor;

  /** The modules directly inside this one with their names; an array's modules are called `blocks.0`, `blocks.1`. */
  namedChildren(): [name: string, child: Module][] {
    return Object.entries(this).flatMap(([property, value]): [string, Module][] => {
      const name = pytorchName(property);
      if (value instanceof Module) return [[name, value]];
      if (!Array.isArray(value)) return [];
      return value.flatMap((item: unknown, k): [string, Module][] => (item instanceof Module ? [[`${name}.${k}`, item]] : []));
    });
  }

  /** This module and all below it, each once, parents first, with their paths below this one. */
  namedModules(prefix = '', found = new Map<Module, string>()): Map<Module, string> {
    if (found.has(this)) return found;
    found.set(this, prefix);
    for (const [name, child] of this.namedChildren()) child.namedModules(join(prefix, name), found);
    return found;
  }

  /** The States this module itself holds, by name. */
  ownStates(): [name: string, state: State][] {
    return Object.entries(this).flatMap(([property, value]): [string, State][] =>
      value instanceof State ? [[pytorchName(property), value]] : [],
    );
  }

  /** Parameters and buffers of this module and all below it, by their paths. A State that two modules share comes twice. */
  namedStates(): [name: string, state: State][] {
    this.assignPaths();
    return [...this.namedModules()].flatMap(([module, path]) =>
      module.ownStates().map(([name, state]): [string, State] => [join(path, name), state]),
    );
  }

  /** Every trainable State once, under its first name. */
  namedParameters(): [name: string, parameter: State][] {
    return distinct(this.namedStates().filter(([, state]) => state.trainable));
  }

  /** Every State that is not trainable once, under its first name. */
  namedBuffers(): [name: string, buffer: State][] {
    return distinct(this.namedStates().filter(([, state]) => !state.trainable));
  }

  /** Every trainable State once, in the order of definition: what an optimizer takes. */
  parameters(): State[] {
    return this.namedParameters().map(([, state]) => state);
  }

  /** Every State that is not trainable once. */
  buffers(): State[] {
    return this.namedBuffers().map(([, state]) => state);
  }

  /** Training mode for this module and all below it; evaluation mode with false. */
  train(mode = true): this {
    for (const module of this.namedModules().keys()) module.training = mode;
    return this;
  }

  /** Evaluation mode: batch norm uses its running statistics, dropout does nothing. */
  eval(): this {
    return this.train(false);
  }

  /** Forgets the gradients: the next `backward` begins them anew. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = undefined;
  }

  /** Every parameter and buffer as it is now, fetched from the device in one read. */
  async stateDict(): Promise<StateDict> {
    const read = ([name, state]: [string, State]) => state.data().then((data) => [name, { shape: state.shape, data }] as const);
    return new Map(await Promise.all(this.namedStates().map(read)));
  }

  /**
   * Takes over values saved under the same names, PyTorch's included; its `num_batches_tracked` are passed over. Throws before
   * anything changes if a name is missing or unknown, or a shape does not fit.
   */
  loadStateDict(values: StateDict): void {
    const states = this.namedStates();
    checkNames(states, values);
    for (const [name, state] of states) {
      const { data, shape } = values.get(name)!;
      state.assign(tensor(data, shape));
    }
  }

  /** Gives every module below its path and every State its label. */
  assignPaths(): void {
    for (const [module, path] of this.namedModules(this.path)) {
      module.path = path;
      for (const [name, state] of module.ownStates()) state.label = join(path, name);
    }
  }
}

function labelled(module: Module, body: () => Tensor): Tensor {
  if (depth === 0) module.assignPaths();
  depth += 1;
  try {
    return module.path === '' ? body() : withLabel(module.path, body);
  } finally {
    depth -= 1;
  }
}

function checkNames(states: readonly [string, State][], values: StateDict): void {
  for (const [name, state] of states) {
    const given = values.get(name);
    if (given === undefined)
      throw new Error(`loadStateDict: ${name} ${formatShape(state.shape)} is missing from the values given`);
    if (!sameShape(given.shape, state.shape)) {
      throw new Error(
        `loadStateDict: ${name} has shape ${formatShape(given.shape)}, but the module needs ${formatShape(state.shape)}`,
      );
    }
  }
  const known = new Set(states.map(([name]) => name));
  for (const name of values.keys()) {
    // PyTorch's batch norm counts its batches; with a fixed momentum it never uses the count.
    if (known.has(name) || name.endsWith('num_batches_tracked')) continue;
    throw new Error(
      `loadStateDict: the module has no parameter or buffer ${name}; remove it, or build the model that it belongs to`,
    );
  }
}

function distinct(named: readonly [string, State][]): [string, State][] {
  const seen = new Set<State>();
  return named.filter(([, state]) => !seen.has(state) && seen.add(state));
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

/** runningMean -> running_mean */
function pytorchName(property: string): string {
  return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
