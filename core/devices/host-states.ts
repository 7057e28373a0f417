/** States of the devices that keep them on the host between plans, at the device's precision. */
import type { HostArray } from '../host.ts';
import type { State } from '../state.ts';

interface ArrayType<Values> {
  new (length: number): Values;
  from(values: ArrayLike<number>): Values;
}

export class HostStates<Values extends HostArray> {
  private readonly held = new WeakMap<State, Values>();

  constructor(private readonly type: ArrayType<Values>) {}

  /** The State's own array, which a step may write into; a State that was never here brings its `host` value along. */
  of(state: State): Values {
    let values = this.held.get(state);
    if (values === undefined) {
      values = state.host === undefined ? new this.type(state.size) : this.type.from(state.host);
      this.held.set(state, values);
    }
    return values;
  }

  replace(state: State, values: Values): void {
    this.held.set(state, values);
  }

  copies(states: readonly State[]): HostArray[] {
    return states.map((state) => this.of(state).slice());
  }
}
