/**
 * concat on gpu.js. Every input is [outer, own length]; an output element finds the input whose part of the row it lies in.
 * A kernel reads at most 7 arrays, so longer lists are joined from the left, the result so far being one of the 7.
 */
import { printKernel } from '../../devices/gpu/decode.ts';
import { type GpuProgram, type Kernel, kernel, type Launch } from '../../devices/gpu/kernel.ts';
import { type Shape, sizeOf } from '../../shape.ts';

const MAX_ARRAYS = 7;

export function concatProgram(shapes: readonly Shape[], axis: number): GpuProgram {
  const outer = sizeOf(shapes[0]!.slice(0, axis));
  const lengths = shapes.map((shape) => sizeOf(shape.slice(axis)));
  const launches: Launch[] = [];
  const scratch: number[] = [];
  let joined = { operand: { input: 0 } as Launch['output'], length: lengths[0]! };
  for (let next = 1; next < shapes.length; next += MAX_ARRAYS - 1) {
    const end = Math.min(shapes.length, next + MAX_ARRAYS - 1);
    const parts = [joined.length, ...lengths.slice(next, end)];
    const length = parts.reduce((sum, part) => sum + part, 0);
    const inputs = [joined.operand, ...lengths.slice(next, end).map((_, k) => ({ input: next + k }))];
    const output = end === shapes.length ? 'output' : { scratch: scratch.push(outer * length) - 1 };
    launches.push({ kernel: joinKernel(parts), constants: {}, inputs, output, cells: [outer * length] });
    joined = { operand: output, length };
  }
  return { scratch, launches };
}

/** y[row, k] for k in the t-th part = x_t[row, k - first_t] */
function joinKernel(lengths: readonly number[]): Kernel {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const body = [`const row = idiv(i, ${total});`, `const k = i - row * ${total};`, 'let value = 0.0;'];
  let first = 0;
  lengths.forEach((length, t) => {
    body.push(
      `if (k >= ${first}) {`,
      `  if (k < ${first + length}) {`,
      `    value = x${t}[row * ${length} + k - ${first}];`,
      '  }',
      '}',
    );
    first += length;
  });
  body.push('return value;');
  return kernel(
    'concat',
    printKernel(
      lengths.map((_, t) => `x${t}`),
      body,
    ),
  );
}
