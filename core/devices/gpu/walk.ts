/**
 * Variables that walk through arrays in printed kernels. gpu.js computes in float32 wherever it does not see whole numbers, and then
 * converts at every read. It sees them in literals, loop counters, `this.thread`, and variables that start at 0 and are counted up
 * with `++` somewhere.
 */

/** The statements of such a variable: where it begins, and one that moves it on by at least 1. */
export interface Walk {
  readonly begin: string;
  readonly move: (distance: number) => string;
}

/** `whole` where `start` is made of whole numbers in gpu.js's eyes; a division or a variable makes it something else. */
export function walk(name: string, start: string, whole: boolean): Walk {
  if (!whole) return { begin: `let ${name} = ${start};`, move: (distance) => `${name} += ${distance}.0;` };
  return {
    begin: `let ${name} = 0; ${name} = ${start};`,
    move: (distance) => `${distance === 1 ? '' : `${name} += ${distance - 1}; `}${name}++;`,
  };
}
