/**
 * The linear maps of Winograd's F(4x4, 3x3) (Lavin and Gray, arXiv:1509.09308, section 4.1): a tile of 4 x 4 outputs takes 36 products
 * instead of 144.
 *
 *     y = A^T [ (G g G^T) . (B^T d B) ] A      input tile d 6 x 6, kernel g 3 x 3, output tile y 4 x 4, "." element by element
 *
 * and, since that is linear in g,  dg = G^T [ (A dy A^T) . (B^T d B) ] G  summed over the tiles. Each function maps one column.
 */
import { type F32x4, type I32Var, load, local, range, store, threadScratch, times } from '../../../devices/simd/emit/index.ts';

export type Map1d = (column: readonly F32x4[]) => F32x4[];

/** B^T d */
export const inputMap: Map1d = (column) => {
  const [d0, d1, d2, d3, d4, d5] = column as Six;
  const a = local(d4.sub(d2.mul(4)));
  const b = local(d3.sub(d1.mul(4)));
  const c = local(d4.sub(d2));
  const e = local(d3.sub(d1).mul(2));
  return [d0.sub(d2).mul(4).add(d4.sub(d2)), a.add(b), a.sub(b), c.add(e), c.sub(e), d1.sub(d3).mul(4).add(d5.sub(d3))];
};

/** A^T m */
export const outputMap: Map1d = (column) => {
  const [m0, m1, m2, m3, m4, m5] = column as Six;
  const a = local(m1.add(m2));
  const b = local(m1.sub(m2));
  const c = local(m3.add(m4));
  const e = local(m3.sub(m4));
  return [m0.add(a).add(c), b.add(e.mul(2)), a.add(c.mul(4)), b.add(e.mul(8)).add(m5)];
};

/** A y */
export const slopeMap: Map1d = (column) => {
  const [y0, y1, y2, y3] = column as Six;
  const a = local(y0.add(y2));
  const b = local(y1.add(y3));
  const c = local(y0.add(y2.mul(4)));
  const e = local(y1.add(y3.mul(4)).mul(2));
  return [y0, a.add(b), a.sub(b), c.add(e), c.sub(e), y3];
};

/** G g */
export const kernelMap: Map1d = (column) => {
  const [g0, g1, g2] = column as Six;
  const a = local(g0.add(g2).mul(-1 / 6));
  const b = local(g1.mul(1 / 6));
  const c = local(g0.mul(1 / 24).add(g2.mul(1 / 6)));
  const e = local(g1.mul(1 / 12));
  return [g0.mul(1 / 4), a.sub(b), a.add(b), c.add(e), c.sub(e), g2];
};

/** G^T u */
export const kernelSlopeMap: Map1d = (column) => {
  const [u0, u1, u2, u3, u4, u5] = column as Six;
  const a = local(u1.add(u2).mul(1 / 6));
  const c = local(u3.add(u4));
  return [
    u0
      .mul(1 / 4)
      .sub(a)
      .add(c.mul(1 / 24)),
    u2
      .sub(u1)
      .mul(1 / 6)
      .add(u3.sub(u4).mul(1 / 12)),
    c
      .mul(1 / 6)
      .sub(a)
      .add(u5),
  ];
};

type Six = [F32x4, F32x4, F32x4, F32x4, F32x4, F32x4];

/** Bytes of a thread's memory that a transform uses: 36 vectors. */
export const TRANSFORM_BYTES = 36 * 16;

/**
 * F d F^T of a square of vectors: columns into the thread's memory, then rows out of it. `read` gives column j as a list over rows;
 * `write` gets row i as a list over columns. The loops run in the kernel, since 36 vectors do not fit into registers.
 */
export function transformSquare(
  map: Map1d,
  from: number,
  to: number,
  read: (j: I32Var) => readonly F32x4[],
  write: (i: I32Var, row: readonly F32x4[]) => void,
): void {
  const memory = local(threadScratch);
  range(0, from, 1, (j) => {
    const at = local(memory.add(j.shl(4)));
    map(read(j)).forEach((value, i) => store(at, value, 16 * from * i));
  });
  range(0, to, 1, (i) => {
    const at = local(memory.add(i.mul(16 * from)));
    write(i, map(times(from, (j) => load(at, 16 * j))));
  });
}
