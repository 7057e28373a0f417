/**
 * What printed kernels are made of: variables that walk through arrays, and divisions only where there is something to divide. gpu.js
 * computes in float32 wherever it does not see whole numbers, and then converts at every read. It sees them in literals, loop counters,
 * `this.thread`, what `|` gives, and variables that start at 0 and are counted up with `++` somewhere.
 */

/** The statements of such a variable: where it begins, and one that moves it on by at least 1. */
export interface Walk {
  readonly begin: string;
  readonly move: (distance: number) => string;
}

export function walk(name: string, start: string): Walk {
  return {
    begin: `let ${name} = 0; ${name} = (${start}) | 0;`,
    move: (distance) => `${distance === 1 ? '' : `${name} += ${distance - 1}; `}${name}++;`,
  };
}

/** floor(value / by) as an expression, exact for values below 2^24: a division by a power of two does not round. */
export function quotient(value: string, by: number): string {
  if (by === 1) return value;
  return Number.isInteger(Math.log2(by)) ? `Math.floor(${value} / ${by})` : `idiv(${value}, ${by})`;
}

/** By how much a loop of that length can be unrolled without a rest, `most` at most. */
export function unrolling(length: number, most: number): number {
  for (let factor = Math.min(length, Math.floor(most)); factor > 1; factor--) if (length % factor === 0) return factor;
  return 1;
}
