import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus';
import { dropout, type Tensor, tensor } from '../core/index.ts';
import { nextGenerator } from './initialise.ts';
import { Module } from './module.ts';

/**
 * In training each value is 0 with the given probability and the others grow by 1 / (1 - probability); in evaluation x itself. Any
 * shape. The random key is a feed drawn from the network's seed, so every step has a new mask and the same plan.
 */
export class Dropout extends Module {
  private random = nextGenerator();

  /** `probability` is the share of values that become 0, from 0 to below 1; 0.5 by default. */
  constructor(private readonly probability = 0.5) {
    super();
  }

  forward(x: Tensor): Tensor {
    if (!this.training || this.probability === 0) return x;
    const key = tensor([this.random.next() >>> 20, this.random.next() >>> 20]); // 12 bits each, as the op asks
    return dropout(x, { probability: this.probability, key });
  }

  /** Where the generator stands: the masks to come depend on nothing else. */
  randomState(): readonly number[] {
    return this.random.getState();
  }

  /** Goes on drawing where `randomState` stood. */
  setRandomState(state: readonly number[]): void {
    this.random = xoroshiro128plusFromState(state);
  }
}

/** The state of every generator of a network, by the module's path; part of a checkpoint, since `stateDict` holds PyTorch's names only. */
export function randomState(model: Module): Record<string, readonly number[]> {
  return Object.fromEntries(dropouts(model).map(([path, module]) => [path, module.randomState()]));
}

/** Goes on drawing where `state` was taken. Throws when it is not the state of this network. */
export function loadRandomState(model: Module, state: Readonly<Record<string, readonly number[]>>): void {
  const modules = dropouts(model);
  const names = Object.keys(state).sort().join(', ');
  const wanted = modules.map(([path]) => path).sort();
  if (names !== wanted.join(', '))
    throw new Error(`loadRandomState: states for [${names}] given, but the network has generators in [${wanted.join(', ')}]`);
  for (const [path, module] of modules) module.setRandomState(state[path]!);
}

function dropouts(model: Module): [path: string, module: Dropout][] {
  return [...model.namedModules()].flatMap(([module, path]): [string, Dropout][] =>
    module instanceof Dropout ? [[path, module]] : [],
  );
}
