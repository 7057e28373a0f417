/** States on GL: each holds an array from plan to plan, and gives it back when the State is collected. */
import type { HostArray } from '../../host.ts';
import type { State } from '../../state.ts';
import type { GlArray, GlArrays } from './gl-arrays.ts';

export class GlStates {
  private readonly held = new WeakMap<State, { array: GlArray }>();
  private readonly collected = new FinalizationRegistry<{ array: GlArray }>(({ array }) => this.arrays.release(array));

  constructor(private readonly arrays: GlArrays) {}

  /** The State's array; a State that was never here brings its `host` value along. */
  of(state: State): GlArray {
    const known = this.held.get(state);
    if (known !== undefined) return known.array;
    const place = { array: this.arrays.upload(state.host ?? new Float32Array(state.size)) };
    this.held.set(state, place);
    this.collected.register(state, place);
    return place.array;
  }

  /** Gives States new arrays. The old ones go last: one State's new value may be the old value of another. */
  replace(written: readonly { readonly state: State; readonly value: GlArray }[]): void {
    for (const { value } of written) value.holders++;
    for (const { state, value } of written) {
      const old = this.of(state);
      this.held.get(state)!.array = value;
      this.arrays.release(old);
    }
  }

  /** One that never was on the device is on the host still. */
  download(state: State): HostArray {
    const known = this.held.get(state);
    if (known !== undefined) return this.arrays.download(known.array);
    return Float32Array.from(state.host ?? new Float32Array(state.size));
  }
}
