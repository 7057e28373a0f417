/**
 * Random cases for fast-check, which a program that imports this file has installed: shapes, pairs that broadcast, convolutions that fit,
 * values. Plain data, so that fast-check prints and shrinks them.
 * @module tapegrad/testing/arbitraries
 */
import fc from 'fast-check';
import type { Conv2dOptions } from '../core/index.ts';
import type { Shape } from '../core/shape.ts';
import type { InputSpec } from './inputs.ts';
import { distinctValues } from './values.ts';

/** How large random shapes may be. */
export interface ShapeLimits {
  /** Fewest axes; 0 by default. */
  readonly minRank?: number;
  /** Most axes; 4 by default. */
  readonly maxRank?: number;
  /** Longest axis; 5 by default. */
  readonly maxLength?: number;
}

/** Shapes of some axes, none of them empty; up to four axes of up to five elements by default. */
export function shapes({ minRank = 0, maxRank = 4, maxLength = 5 }: ShapeLimits = {}): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min: 1, max: maxLength }), { minLength: minRank, maxLength: maxRank });
}

/** Two shapes that broadcast with each other: axes of length 1 in either, and axes missing at the front of one. */
export function broadcastPairs(limits: ShapeLimits = {}): fc.Arbitrary<[a: number[], b: number[]]> {
  return shapes(limits).chain((shape) => {
    const side = fc
      .tuple(fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }), fc.nat({ max: shape.length }))
      .map(([single, missing]) => shape.map((length, axis) => (single[axis] ? 1 : length)).slice(missing));
    const either = fc.tuple(side, fc.boolean());
    return either.map(([other, swap]): [number[], number[]] => (swap ? [other, shape] : [shape, other]));
  });
}

/** A convolution that fits: shapes, and options for `conv2d`. */
export interface ConvGeometry {
  /** [n, c, h, w] */
  readonly input: readonly [number, number, number, number];
  /** [o, c / groups, i, j] */
  readonly weight: readonly [number, number, number, number];
  /** All options but the algorithm. */
  readonly options: Required<Omit<Conv2dOptions, 'algorithm'>>;
}

/** Convolutions whose kernel fits: stride, padding, dilation and groups crossed, with odd sizes and lengths of 1. */
export function convGeometries({ maxLength = 6 }: Pick<ShapeLimits, 'maxLength'> = {}): fc.Arbitrary<ConvGeometry> {
  const upTo = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max });
  const axis = fc
    .record({
      kernel: upTo(3),
      stride: upTo(3),
      padding: fc.nat({ max: 2 }),
      dilation: upTo(2),
      more: fc.nat({ max: maxLength }),
    })
    .map(({ more, ...own }) => ({ ...own, length: Math.max(1, own.dilation * (own.kernel - 1) + 1 - 2 * own.padding) + more }));
  return fc
    .record({ images: upTo(2), groups: upTo(2), channels: upTo(2), outputs: upTo(2), y: axis, x: axis })
    .map(({ images, groups, channels, outputs, y, x }) => ({
      input: [images, groups * channels, y.length, x.length],
      weight: [groups * outputs, channels, y.kernel, x.kernel],
      options: {
        stride: [y.stride, x.stride],
        padding: [y.padding, x.padding],
        dilation: [y.dilation, x.dilation],
        groups,
      },
    }));
}

/** An input of a shape, its values between -1 and 1 without ties and away from 0. */
export function inputs(shape: Shape): fc.Arbitrary<InputSpec> {
  return fc.nat().map((seed) => ({ shape, values: distinctValues(shape, seed) }));
}
