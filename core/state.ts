/**
 * State: a value that lives on the device between plans. Parameters, momentum, batch-norm statistics and accumulated gradients are
 * States; nothing else on a device outlives a plan.
 */
import { type HostArray, type HostValue, toHost } from './host.ts';
import { requestAssign } from './plan/flush.ts';
import { formatShape, type Shape, ShapeError, sameShape, sizeOf } from './shape.ts';
import { asTensor, Tensor, type TensorLike } from './tensor.ts';

/** Every State alive, so that `useDevice` can move them. Weak: a model that is dropped takes its States along. */
const all = new Set<WeakRef<State>>();
const dropped = new FinalizationRegistry<WeakRef<State>>((reference) => all.delete(reference));

export function* allStates(): Iterable<State> {
  for (const reference of all) {
    const state = reference.deref();
    if (state !== undefined) yield state;
  }
}

/** What stands in for States while `withStates` runs. */
let standIns: Map<State, Tensor> | undefined;

/**
 * Runs `body` with tensors in place of the values of States: reading one gives its tensor, so gradients by it are gradients by that State.
 * What `body` assigns, later reads in `body` see, and nobody else: checks record a module as often as they like and leave it as it was.
 */
export function withStates<Result>(values: ReadonlyMap<State, Tensor>, body: () => Result): Result {
  const outer = standIns;
  standIns = new Map([...(outer ?? []), ...values]);
  try {
    return body();
  } finally {
    standIns = outer;
  }
}

/** Options of a State. */
export interface StateOptions {
  /** Its name in labels and messages, such as `layer1.0.conv1.weight`; `state` by default. */
  readonly label?: string;
  /** Whether `backward` accumulates a gradient for it; false by default. */
  readonly trainable?: boolean;
}

/**
 * A value that lives on the device between plans: a parameter, its momentum, a running statistic. `read` gives ops its value,
 * `assign` a new one to it; on `useDevice` it moves along.
 */
export class State {
  /** The shape of every value it has. */
  readonly shape: Shape;
  /** Whether `backward` accumulates a gradient for it. */
  readonly trainable: boolean;
  /** Its name in labels and messages; a module sets it to the State's path in the network. */
  label: string;
  /**
   * The latest version recorded; each `assign` makes one more.
   * @internal
   */
  version = 0;
  /**
   * The version that the device holds, or will hold when the flush now running ends.
   * @internal
   */
  stored = 0;
  /**
   * Assignments that no flush has begun to run yet, by the version each makes.
   * @internal
   */
  readonly pending = new Map<number, { readonly value: Tensor; readonly batch: number }>();
  /**
   * The value while no device holds it.
   * @internal
   */
  host: HostArray | undefined;
  /**
   * Why the value is gone: the flush that was writing it failed.
   * @internal
   */
  lost: Error | undefined;
  /** The gradient as the optimizer sees it: undefined before the first backward and after `zeroGrad`. */
  grad: State | undefined;
  private leaf: Tensor | undefined;
  private gradient: State | undefined;

  /**
   * Begins with a copy of `value`; a flat array takes a `shape`, which is [length] without it. Throws a ShapeError where they do
   * not fit.
   */
  constructor(value: HostValue, options: StateOptions & { readonly shape?: Shape } = {}) {
    const host = toHost(value, options.shape);
    this.shape = host.shape;
    this.host = host.data;
    this.label = options.label ?? 'state';
    this.trainable = options.trainable ?? false;
    const reference = new WeakRef(this);
    all.add(reference);
    dropped.register(this, reference);
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /**
   * A leaf of the graph that names the latest version; gradients stop there. Throws where the value was lost with a flush that
   * failed.
   */
  read(): Tensor {
    const standIn = standIns?.get(this);
    if (standIn !== undefined) return standIn;
    if (this.lost !== undefined && this.version === this.stored) throw this.lostError();
    this.leaf ??= new Tensor(this.shape, { kind: 'state', state: this, version: this.version });
    return this.leaf;
  }

  /**
   * Gives the State a new value of its shape, to be computed with everything else in the next flush; starts none by itself.
   * Throws a ShapeError for another shape.
   */
  assign(value: TensorLike): void {
    const next = asTensor(value);
    if (!sameShape(next.shape, this.shape)) {
      throw new ShapeError(
        'assign',
        `${this.label} has shape ${formatShape(this.shape)}, but the value has ${formatShape(next.shape)}`,
        [this.shape, next.shape],
      );
    }
    if (standIns !== undefined) {
      standIns.set(this, next);
      return;
    }
    requestAssign(this, next);
    this.leaf = undefined;
  }

  /** The latest value, flat and row-major: float64 from the reference device, float32 from the others. */
  data(): Promise<HostArray> {
    return this.read().data();
  }

  /** The latest value of a State with one element; rejects with a ShapeError for any other. */
  item(): Promise<number> {
    return this.read().item();
  }

  /**
   * Adds to `.grad`, or begins it. The State behind it is kept across `zeroGrad`, so its device memory is too.
   * @internal
   */
  accumulateGradient(gradient: Tensor, add: (a: Tensor, b: Tensor) => Tensor): void {
    this.gradient ??= new State(new Float32Array(this.size), { shape: this.shape, label: `${this.label}.grad` });
    this.gradient.assign(this.grad === undefined ? gradient : add(this.gradient.read(), gradient));
    this.grad = this.gradient;
  }

  /**
   * What reading a State throws whose value is lost.
   * @internal
   */
  lostError(): Error {
    return new Error(
      `${this.label} was lost because the flush that was writing it failed (${this.lost?.message}); load the State again, from a checkpoint or with assign()`,
    );
  }
}
