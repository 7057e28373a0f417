/** The ways to draw weights that `initialisation` compares. */
import { heNormal, type Initialiser } from '../nn/index.ts';

/** Glorot and Bengio 2010, eq. 12: N(0, 2 / (fan in + fan out)). Both fans have the kernel's area in common. */
export function xavierNormal(): Initialiser {
  return (shape, random) => times(heNormal()(shape, random), Math.sqrt(shape[1]! / (shape[0]! + shape[1]!)));
}

/** He normal with a standard deviation so many times as large. */
export function scaledHe(factor: number): Initialiser {
  return (shape, random) => times(heNormal()(shape, random), factor);
}

const times = (values: Float32Array, factor: number): Float32Array => values.map((value) => value * factor);

export const INITIALISERS: Readonly<Record<string, Initialiser>> = {
  'he-fan-in': heNormal(),
  'he-fan-out': heNormal({ fan: 'out' }),
  xavier: xavierNormal(),
  'too-small': scaledHe(0.01),
  'too-large': scaledHe(100),
};
