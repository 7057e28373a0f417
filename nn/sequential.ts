import type { Tensor } from '../core/index.ts';
import { Module } from './module.ts';

/** Modules one after another. Their names are their positions: `0.weight`, `1.weight`. */
export class Sequential extends Module {
  /** In the order in which they are applied. */
  readonly layers: readonly Module[];

  /** Takes the modules in their order, each the input of the next. */
  constructor(...layers: Module[]) {
    super();
    this.layers = layers;
  }

  override namedChildren(): [name: string, child: Module][] {
    return this.layers.map((layer, k) => [String(k), layer]);
  }

  forward(x: Tensor): Tensor {
    return this.layers.reduce((input, layer) => layer.forward(input), x);
  }
}
