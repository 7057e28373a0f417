/**
 * Source text that turns a flat index into one index per axis, for kernels that are printed for a given rank.
 */

/** `const k1 = ...;` for each axis, innermost first, out of `const i = this.thread.x`: i = (k0 * length1 + k1) * length2 + k2. */
export function printDecode(lengths: readonly number[]): string[] {
  const lines: string[] = [];
  let rest = 'i';
  for (let axis = lengths.length - 1; axis > 0; axis--) {
    lines.push(`const q${axis} = idiv(${rest}, ${lengths[axis]});`, `const k${axis} = ${rest} - q${axis} * ${lengths[axis]};`);
    rest = `q${axis}`;
  }
  return [...lines, `const k0 = ${rest};`];
}

/** A function of the given arrays that starts with the flat index `i`. */
export function printKernel(parameters: readonly string[], body: readonly string[]): string {
  return `function (${parameters.join(', ')}) {\n  ${['const i = this.thread.x;', ...body].join('\n  ')}\n}`;
}
