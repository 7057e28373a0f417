/**
 * Tensor: a node of a graph. It knows its shape and where its value comes from, never the value itself until somebody asked for it.
 */
import type { NdArray } from 'ndarray';
import { currentLabel } from './debug.ts';
import { type HostArray, type HostValue, toHost, toNdArray } from './host.ts';
import type { Op, OpOptions } from './op.ts';
import { requestRead } from './plan/flush.ts';
import { formatShape, type Shape, ShapeError, sizeOf } from './shape.ts';
import type { State } from './state.ts';
import { backward } from './tape.ts';

/** Where a tensor's value comes from. */
export type Source =
  | { readonly kind: 'host'; readonly data: HostArray }
  | { readonly kind: 'state'; readonly state: State; readonly version: number }
  | { readonly kind: 'op'; readonly op: Op; readonly inputs: readonly Tensor[]; readonly options: OpOptions }
  /** A flush has run it and overwritten a State it reads: it has dropped its inputs, so that it keeps nothing alive. */
  | { readonly kind: 'spent'; readonly was: string; readonly overwritten: string };

let nextId = 0;

/**
 * A node of a graph: a shape, and where the value comes from. Immutable to its users; made by `tensor`, by a State and by ops.
 */
export class Tensor {
  /** Grows with every tensor made, so ascending ids are an order in which inputs come before what uses them. */
  readonly id = nextId++;
  /** The path of the module, or the name given to `withLabel`, in which it was recorded; '' outside of both. */
  readonly label = currentLabel();
  /**
   * The value, once a flush was asked for it.
   * @internal
   */
  value: HostArray | undefined;
  /**
   * How often a flush has run it; a second time costs a second pass.
   * @internal
   */
  runs = 0;
  /**
   * What `requestRead` found when it last walked below this tensor (see plan/flush.ts).
   * @internal
   */
  reach: { readonly epoch: number; readonly batch: number } | undefined;

  /**
   * For ops; `tensor` makes one of values.
   * @internal
   */
  constructor(
    /** The lengths of its axes, outermost first. */
    readonly shape: Shape,
    /**
     * Where its value comes from.
     * @internal
     */
    public source: Source,
  ) {}

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** The values, flat and row-major: float64 from the reference device, float32 from the others. */
  async data(): Promise<HostArray> {
    return (await requestRead(this)).slice();
  }

  /** The values as an ndarray of this shape. */
  async ndarray(): Promise<NdArray<HostArray>> {
    return toNdArray(await this.data(), this.shape);
  }

  /** The value of a tensor with one element; rejects with a ShapeError for any other. */
  async item(): Promise<number> {
    if (this.size !== 1)
      throw new ShapeError(
        'item',
        `a tensor of shape ${formatShape(this.shape)} has ${this.size} values; use data() or ndarray()`,
        [this.shape],
      );
    return (await requestRead(this))[0]!;
  }

  /** Adds the gradient of this scalar to `.grad` of every trainable State below it, as in PyTorch. */
  backward(): void {
    backward(this);
  }

  /** For messages: the op that made it, with the module's label where there is one. */
  describe(): string {
    const { source } = this;
    const what =
      source.kind === 'op'
        ? source.op.name
        : source.kind === 'state'
          ? source.state.label
          : source.kind === 'spent'
            ? source.was
            : 'tensor';
    return `${this.label && source.kind === 'op' ? `${this.label} / ` : ''}${what} ${formatShape(this.shape)}`;
  }
}

/**
 * A tensor with a copy of the given values: a number, nested arrays, a Float32Array or Float64Array (with a shape), or an
 * ndarray. It enters a plan as a feed, so other values of the same shape run the same compiled plan. Throws a ShapeError where
 * values and shape do not fit, and for empty and ragged arrays.
 */
export function tensor(value: HostValue, shape?: Shape): Tensor {
  const host = toHost(value, shape);
  return new Tensor(host.shape, { kind: 'host', data: host.data });
}

/** Wherever an op takes a tensor it takes a number as well. */
export type TensorLike = Tensor | number;

export function asTensor(value: TensorLike): Tensor {
  return value instanceof Tensor ? value : tensor(value);
}
