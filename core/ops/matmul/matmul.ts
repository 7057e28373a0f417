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

export type MatmulOptions = { readonly transposeA: boolean; readonly transposeB: boolean };

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
  if (k !== kOfB)
    throw new ShapeError(
      'matmul',
      `the lengths summed over are ${k} and ${kOfB}, and need to be equal (shapes ${formatShape(a)} and ${formatShape(b)})`,
      [a, b],
    );
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
};

function product(a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
  return record(matmulOp, [a, b], { transposeA, transposeB });
}

/**
 * a times b as in PyTorch: [m, k] x [k, n]; axes in front are batches and broadcast; a vector on the left is a row, on the right a
 * column, and its axis is dropped from the result. `transposeA` and `transposeB` exchange an operand's last two axes at no cost.
 */
export function matmul(a: Tensor, b: Tensor, options: Partial<MatmulOptions> = {}): Tensor {
  const { transposeA = false, transposeB = false } = options;
  if (a.shape.length === 0 || b.shape.length === 0)
    throw new ShapeError(
      'matmul',
      `shapes ${formatShape(a.shape)} and ${formatShape(b.shape)} given; both need at least one axis`,
      [a.shape, b.shape],
    );
  const left = a.shape.length === 1 ? reshape(a, [1, a.size]) : a;
  const right = b.shape.length === 1 ? reshape(b, [b.size, 1]) : b;
  const batch = broadcastShapes('matmul', [left.shape.slice(0, -2), right.shape.slice(0, -2)]);
  const y = product(
    batched(left, batch),
    batched(right, batch),
    transposeA && a.shape.length > 1,
    transposeB && b.shape.length > 1,
  );
  const rows = a.shape.length === 1 ? [] : [y.shape[1]!];
  const columns = b.shape.length === 1 ? [] : [y.shape[2]!];
  return reshape(y, [...batch, ...rows, ...columns]);
}

/** [..., r, s] as [batch, r, s]. */
function batched(x: Tensor, batch: Shape): Tensor {
  const matrix = x.shape.slice(-2);
  return reshape(expand(x, [...batch, ...matrix]), [sizeOf(batch), ...matrix]);
}
