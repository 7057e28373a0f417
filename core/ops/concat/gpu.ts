/**
 * concat on gpu.js. Every input is [outer, own length]; an output element finds the input whose part of the row it lies in.
 * A kernel reads at most 7 arrays, so longer lists are joined seven by seven until one is left: a tree, in which an element is copied
 * once a level.
 */
import { printKernel } from '../../devices/gpu/decode.ts';
import { type GpuProgram, type Kernel, kernel, type Launch, type Operand } from '../../devices/gpu/kernel.ts';
import { type Shape, sizeOf } from '../../shape.ts';

const MAX_ARRAYS = 7;

/** Neighbours that are joined already, [outer, length]. */
interface Piece {
  readonly operand: Operand;
  readonly length: number;
}

export function concatProgram(shapes: readonly Shape[], axis: number): GpuProgram {
  const outer = sizeOf(shapes[0]!.slice(0, axis));
  const launches: Launch[] = [];
  const scratch: number[] = [];
  const join = (pieces: readonly Piece[], last: boolean): Piece => {
    if (pieces.length === 1) return pieces[0]!;
    const lengths = pieces.map((piece) => piece.length);
    const length = lengths.reduce((sum, each) => sum + each, 0);
    const output = last ? 'output' : { scratch: scratch.push(outer * length) - 1 };
    const inputs = pieces.map((piece) => piece.operand);
    launches.push({ kernel: joinKernel(lengths), constants: {}, inputs, output, cells: [outer * length] });
    return { operand: output, length };
  };
  let pieces: readonly Piece[] = shapes.map((shape, input) => ({ operand: { input }, length: sizeOf(shape.slice(axis)) }));
  while (pieces.length > 1) {
    const groups = sevens(pieces);
    pieces = groups.map((group) => join(group, groups.length === 1));
  }
  return { scratch, launches };
}

function sevens<T>(list: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(list.length / MAX_ARRAYS) }, (_, k) => list.slice(k * MAX_ARRAYS, (k + 1) * MAX_ARRAYS));
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
