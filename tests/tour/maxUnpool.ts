/**
 * Max-unpooling (Zeiler and Fergus, arXiv:1311.2901, section 2.1): each pooled value back to the place its maximum had, zeros
 * elsewhere. Windows are size x size and lie side by side, so every place is in one window, and a(n,c,y,x) is the place of a maximum
 * in its plane, row * width + column:
 *
 *     maxPositions  a[n,c,y,x] = the place of the largest value in window (y, x)              no gradient
 *     maxUnpool2d   u[n,c,a(n,c,y,x)] = v[n,c,y,x], zero elsewhere                            dv = pick(du)
 *     pick          v[n,c,y,x] = u[n,c,a(n,c,y,x)]                                            du = maxUnpool2d(dv)
 */
import { type DefinedOp, defineOp, type Shape, ShapeError } from 'tapegrad';

type Size = { readonly size: number };
const options: Size = { size: 2 };

/** Where the maximum of each window of x [n, c, h, w] lies, the first one row by row: [n, c, h / size, w / size]. */
export const maxPositions: DefinedOp<readonly ['x'], Size> = defineOp({
  name: 'maxPositions',
  inputs: ['x'],
  options,
  shape: ([x], { size }) => pooled(x, size),
  reference({ inputs: [x], output, outputShape, options: { size } }) {
    forEachWindow(outputShape, size, (at, plane, places) => {
      output[at] = places.reduce((best, place) => (x[plane + place]! > x[plane + best]! ? place : best));
    });
  },
  gradient: () => [null],
});

/** values [n, c, y, x] at the places that maxPositions gave: [n, c, size y, size x]. */
export const maxUnpool2d: DefinedOp<readonly ['values', 'positions'], Size> = defineOp({
  name: 'maxUnpool2d',
  inputs: ['values', 'positions'],
  options,
  shape: ([values], { size }) => unpooled(values, size),
  reference({ inputs: [values, positions], output, shapes: [shape], options: { size } }) {
    output.fill(0);
    forEachWindow(shape, size, (at, plane) => {
      output[plane + positions[at]!] = values[at]!;
    });
  },
  gradient: ({ inputs: [, positions], dy, options: { size } }) => [() => pick(dy, positions, { size }), null],
  gpu(values, positions) {
    const line = idiv(this.thread.x, this.constants.width!);
    const column = this.thread.x - line * this.constants.width!;
    const plane = idiv(line, this.constants.height!);
    const row = line - plane * this.constants.height!;
    const lines = idiv(this.constants.height!, this.constants.size!);
    const columns = idiv(this.constants.width!, this.constants.size!);
    const window = (plane * lines + idiv(row, this.constants.size!)) * columns + idiv(column, this.constants.size!);
    let value = 0;
    if (positions![window]! === row * this.constants.width! + column) value = values![window]!;
    return value;
  },
  constants: ({ outputShape, options: { size } }) => ({ size, height: outputShape[2]!, width: outputShape[3]! }),
});

const pick: DefinedOp<readonly ['u', 'positions'], Size> = defineOp({
  name: 'pick',
  inputs: ['u', 'positions'],
  options,
  shape: ([u], { size }) => pooled(u, size),
  reference({ inputs: [u, positions], output, outputShape, options: { size } }) {
    forEachWindow(outputShape, size, (at, plane) => {
      output[at] = u[plane + positions[at]!]!;
    });
  },
  gradient: ({ inputs: [, positions], dy, options: { size } }) => [() => maxUnpool2d(dy, positions, { size }), null],
});

function pooled([n, c, h, w, ...rest]: Shape, size: number): Shape {
  if (w === undefined || rest.length > 0 || h! % size !== 0 || w % size !== 0)
    throw new ShapeError(
      'maxUnpool2d',
      `4 axes are needed, the last two multiples of ${size}, but the shape is [${[n, c, h, w, ...rest]}]`,
    );
  return [n!, c!, h! / size, w / size];
}

function unpooled([n, c, y, x, ...rest]: Shape, size: number): Shape {
  if (x === undefined || rest.length > 0)
    throw new ShapeError('maxUnpool2d', `4 axes [n, c, y, x] are needed, but the shape is [${[n, c, y, x, ...rest]}]`);
  return [n!, c!, y! * size, x * size];
}

/** Calls `visit` with each window's flat index, where its plane of the larger array begins, and its places there, row by row. */
function forEachWindow([n, c, y, x]: Shape, size: number, visit: (at: number, plane: number, places: number[]) => void): void {
  const width = x! * size;
  for (let at = 0; at < n! * c! * y! * x!; at++) {
    const [image, row, column] = [Math.floor(at / (y! * x!)), Math.floor(at / x!) % y!, at % x!];
    const places = Array.from(
      { length: size * size },
      (_, k) => (row * size + Math.floor(k / size)) * width + column * size + (k % size),
    );
    visit(at, image * y! * size * width, places);
  }
}
