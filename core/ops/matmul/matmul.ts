/**
 * Matrix product over a batch, each operand as it lies or transposed:
 *
 *     y[b,m,n] = sum_k A[b,m,k] B[b,k,n]        dA = dy B^T        dB = A^T dy
 *
 * Transposing is an option and not a step, so the gradients (which transpose) move no memory, and the op is closed under
 * differentiation: every gradient is again this op.
 */
import { type Op, record } from '../../op.ts';
import { broadcastShapes, formatShape, type Shape, ShapeError, sizeOf } from '../../shape.ts';
import type { Tensor } from '../../tensor.ts';
import { expand } from '../pointwise/pointwise.ts';
import { reshape } from '../reshape/reshape.ts';
import { matmulProgram } from './gpu.ts';
import { matmulProgram as simdMatmul } from './simd.ts';

/** Which operands of `matmul` have their last two axes exchanged. */
export type MatmulOptions = {
  /** Takes a as [.., k, m]; a vector stays what it is. */
  readonly transposeA: boolean;
  /** Takes b as [.., n, k]; a vector stays what it is. */
  readonly transposeB: boolean;
};

/** batch, rows, columns, and the length summed over; strides of one step along m, k and n in each operand. */
export interface MatmulSizes {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: { readonly m: number; readonly k: number };
  readonly b: { readonly k: number; readonly n: number };
}

export function matmulSizes(a: Shape, b: Shape, { transposeA, transposeB }: MatmulOptions): MatmulSizes {
  const [m, k] = transposeA ? [a[2]!, a[1]!] : [a[1]!, a[2]!];
  const [kOfB, n] = transposeB ? [b[2]!, b[1]!] : [b[1]!, b[2]!];
  if (k !== kOfB || a[0] !== b[0])
    throw new ShapeError('matmul', `internal: ${formatShape(a)} times ${formatShape(b)} is not a batch of products`, [a, b]);
  return {
    batch: a[0]!,
    m,
    n,
    k,
    a: transposeA ? { m: 1, k: m } : { m: k, k: 1 },
    b: transposeB ? { k: 1, n: k } : { k: n, n: 1 },
  };
}

const matmulOp: Op<MatmulOptions> = {
  name: 'matmul',
  inputs: ['a', 'b'],
  shape: ([a, b], options) => {
    const { batch, m, n } = matmulSizes(a!, b!, options);
    return [batch, m, n];
  },
  reference: ({ inputs: [a, b], output, shapes, options }) => {
    const sizes = matmulSizes(shapes[0]!, shapes[1]!, options);
    const { batch, m, n, k } = sizes;
    for (let at = 0, image = 0; image < batch; image++) {
      for (let row = 0; row < m; row++) {
        for (let column = 0; column < n; column++, at++) {
          let total = 0;
          for (let term = 0; term < k; term++) {
            total +=
              a![image * m * k + row * sizes.a.m + term * sizes.a.k]! *
              b![image * k * n + term * sizes.b.k + column * sizes.b.n]!;
          }
          output[at] = total;
        }
      }
    }
  },
  gradient: ({ inputs: [a, b], dy, options: { transposeA, transposeB } }) => [
    () => (transposeA ? product(b!, dy, transposeB, true) : product(dy, b!, false, !transposeB)),
    () => (transposeB ? product(dy, a!, true, transposeA) : product(a!, dy, !transposeA, false)),
  ],
  gpu: ({ shapes, options }) => matmulProgram(matmulSizes(shapes[0]!, shapes[1]!, options)),
  simd: ({ shapes, options }) => simdMatmul(matmulSizes(shapes[0]!, shapes[1]!, options)),
};

function product(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
  return record(matmulOp, [a, b], { transposeA, transposeB });
}

/**
 * a times b as in PyTorch: [.., m, k] x [.., k, n] gives [.., m, n]; the axes in front are batches and broadcast; a vector on the left
 * is a row, on the right a column, and its axis is dropped from the result. `transposeA` and `transposeB` exchange a matrix's last
 * two axes at no cost. Throws a ShapeError for a scalar, for other lengths of k, and for batches that do not broadcast.
 */
export function matmul(a: Tensor, b: Tensor, options: Partial<MatmulOptions> = {}): Tensor {
  const [row, column] = [a.shape.length === 1, b.shape.length === 1];
  const transposeA = !row && (options.transposeA ?? false);
  const transposeB = !column && (options.transposeB ?? false);
  checkOperands(a.shape, b.shape, transposeA, transposeB);
  const left = row ? reshape(a, [1, a.size]) : a;
  const right = column ? reshape(b, [b.size, 1]) : b;
  const batch = broadcastShapes('matmul', [batchOf(left), batchOf(right)]);
  const shape = [
    ...batch,
    ...(row ? [] : [left.shape.at(transposeA ? -1 : -2)!]),
    ...(column ? [] : [right.shape.at(transposeB ? -2 : -1)!]),
  ];
  const tall = !transposeA && sizeOf(batchOf(right)) === 1;
  const y = tall
    ? product(asOneMatrix(left), asOneMatrix(right), false, transposeB)
    : product(batched(left, batch), batched(right, batch), transposeA, transposeB);
  return reshape(y, shape);
}

function checkOperands(a: Shape, b: Shape, transposeA: boolean, transposeB: boolean): void {
  const fail = (problem: string): never => {
    const transposed = [...(transposeA ? ['a transposed'] : []), ...(transposeB ? ['b transposed'] : [])];
    const given = [`shapes ${formatShape(a)} and ${formatShape(b)}`, ...transposed].join(', ');
    throw new ShapeError('matmul', `${problem} (${given})`, [a, b]);
  };
  if (a.length === 0 || b.length === 0) fail('a scalar was given; both operands need at least one axis');
  const [k, kOfB] = [a.at(transposeA ? -2 : -1), b.at(transposeB || b.length === 1 ? -1 : -2)];
  if (k !== kOfB) fail(`the lengths summed over are ${k} and ${kOfB}, and need to be equal`);
  const batchB = b.slice(0, -2).reverse();
  const clash = (length: number, other = 1): boolean => length !== other && length !== 1 && other !== 1;
  if (
    a
      .slice(0, -2)
      .reverse()
      .some((length, axis) => clash(length, batchB[axis]))
  )
    fail('the batch axes, all but the last two, do not broadcast; only equal lengths or 1 go together');
}

function batchOf(x: Tensor): Shape {
  return x.shape.slice(0, -2);
}

/** [.., m, k] as [1, .. * m, k]: where b is one matrix for the whole batch of a, all rows of a are one product, and nothing is copied. */
function asOneMatrix(x: Tensor): Tensor {
  return reshape(x, [1, -1, x.shape.at(-1)!]);
}

/** [.., r, s] as [batch, r, s]. */
function batched(x: Tensor, batch: Shape): Tensor {
  const matrix = x.shape.slice(-2);
  return reshape(expand(x, [...batch, ...matrix]), [sizeOf(batch), ...matrix]);
}
