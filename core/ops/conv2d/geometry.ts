/**
 * The sizes of a 2-D convolution and the one loop nest that its three ops share.
 */
import { formatShape, type Shape, ShapeError } from '../../shape.ts';

/** A number for each axis: [vertical, horizontal]. */
export type Pair = readonly [number, number];

/** As the ops carry them: pairs are [vertical, horizontal]. */
export type ConvOptions = {
  readonly stride: Pair;
  readonly padding: Pair;
  readonly dilation: Pair;
  readonly groups: number;
  readonly algorithm?: ConvAlgorithm;
};

/** `auto` lets a device take a faster algorithm that rounds more, as Winograd's does; `direct` sums the products as they are. */
export type ConvAlgorithm = 'auto' | 'direct';

/** Index letters: n image, c input channel, h w input row and column, o output channel, i j kernel, y x output, g group. */
export interface Geometry extends ConvOptions {
  readonly n: number;
  readonly c: number;
  readonly h: number;
  readonly w: number;
  readonly o: number;
  readonly i: number;
  readonly j: number;
  readonly y: number;
  readonly x: number;
}

/** The geometry of conv2d on these shapes, [n, c, h, w] and [o, c / groups, i, j]. Throws a ShapeError where they do not fit. */
export function geometryOf(input: Shape, weight: Shape, options: ConvOptions): Geometry {
  checkShapes(input, weight, options);
  const [n, c, h, w] = [input[0]!, input[1]!, input[2]!, input[3]!];
  const [o, , i, j] = [weight[0]!, weight[1]!, weight[2]!, weight[3]!];
  const y = outputLength(h, i, options, 0);
  const x = outputLength(w, j, options, 1);
  if (y < 1 || x < 1) fail(`a kernel of ${i} x ${j} does not fit into the padded input`, input, weight, options);
  return { n, c, h, w, o, i, j, y, x, ...options };
}

function checkShapes(input: Shape, weight: Shape, options: ConvOptions): void {
  const { groups } = options;
  if (input.length !== 4 || weight.length !== 4)
    fail(`input needs 4 axes [n, c, h, w] and weight 4 axes [o, c / groups, i, j]`, input, weight, options);
  if (input[1] !== weight[1]! * groups) {
    fail(`input has ${input[1]} channels but weight needs ${weight[1]! * groups}`, input, weight, options);
  }
  if (weight[0]! % groups !== 0) fail(`${weight[0]} output channels do not divide into ${groups} groups`, input, weight, options);
}

function fail(problem: string, input: Shape, weight: Shape, { stride, padding, dilation, groups }: ConvOptions): never {
  const settings = `stride ${stride}, padding ${padding}, dilation ${dilation}, groups ${groups}`;
  throw new ShapeError('conv2d', `${problem} (input ${formatShape(input)}, weight ${formatShape(weight)}, ${settings})`, [
    input,
    weight,
  ]);
}

function outputLength(length: number, kernel: number, { stride, padding, dilation }: ConvOptions, axis: 0 | 1): number {
  return Math.floor((length + 2 * padding[axis] - dilation[axis] * (kernel - 1) - 1) / stride[axis]) + 1;
}

/**
 * Calls `visit` with the flat indices of every product of a convolution:
 *
 *     for n, o, c of o's group, i, j, y, x:   y[n, o, y, x]  <->  x[n, c, y * stride + i * dilation - padding, ...] * w[o, c, i, j]
 *
 * The forward op sums into the first, the input gradient into the second, the weight gradient into the third.
 */
export function forEachProduct(geometry: Geometry, visit: (output: number, input: number, weight: number) => void): void {
  const { n, c, h, w, o, i, j, y, x, groups, stride } = geometry;
  const [perGroup, outputsPerGroup] = [c / groups, o / groups];
  for (let image = 0; image < n; image++) {
    for (let out = 0; out < o; out++) {
      const firstChannel = Math.floor(out / outputsPerGroup) * perGroup;
      for (let channel = 0; channel < perGroup; channel++) {
        for (let row = 0; row < i; row++) {
          const [top, yStart, yEnd] = validRange(row, h, y, geometry, 0);
          for (let column = 0; column < j; column++) {
            const [left, xStart, xEnd] = validRange(column, w, x, geometry, 1);
            const weight = ((out * perGroup + channel) * i + row) * j + column;
            for (let at = yStart; at < yEnd; at++) {
              const outputRow = ((image * o + out) * y + at) * x;
              const inputRow = ((image * c + firstChannel + channel) * h + at * stride[0] + top) * w + left;
              for (let along = xStart; along < xEnd; along++) visit(outputRow + along, inputRow + along * stride[1], weight);
            }
          }
        }
      }
    }
  }
}

/** For one kernel row or column: where output 0 reads, and the range of outputs that read inside the input. */
function validRange(
  kernel: number,
  length: number,
  outputs: number,
  { stride, padding, dilation }: Geometry,
  axis: 0 | 1,
): [number, number, number] {
  const first = kernel * dilation[axis] - padding[axis];
  const start = Math.max(0, Math.ceil(-first / stride[axis]));
  const end = Math.min(outputs, Math.floor((length - 1 - first) / stride[axis]) + 1);
  return [first, start, end];
}
