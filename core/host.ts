/**
 * Values on the host: flat row-major typed arrays inside, ndarrays and nested arrays at the border.
 */
import ndarray, { type NdArray, type TypedArray } from 'ndarray';
import { checkShape, formatShape, type Shape, ShapeError, sizeOf } from './shape.ts';

/** Values on the host, flat and row-major. Float64 stays float64 until a device with less takes it. */
export type HostArray = Float32Array | Float64Array;

/** Arrays of arrays of numbers, row-major; every row of an axis needs the same length. */
export type NestedNumbers = readonly (number | NestedNumbers)[];

/** What `tensor` accepts. Any ndarray will do: negative and interleaved strides are read as they lie. */
export type HostValue = number | NestedNumbers | HostArray | HostNdArray;

/** An ndarray over numbers. */
export type HostNdArray = NdArray<TypedArray | number[]>;

/** A copy of `value` as flat row-major data with its shape; `shape` is needed for typed arrays of more than one axis. */
export function toHost(value: HostValue, shape?: Shape): { data: HostArray; shape: Shape } {
  const host = flatten(value);
  const wanted = shape ?? host.shape;
  checkShape('tensor', wanted);
  if (sizeOf(wanted) !== host.data.length) {
    throw new ShapeError('tensor', `${host.data.length} values given, but shape ${formatShape(wanted)} needs ${sizeOf(wanted)}`, [
      wanted,
    ]);
  }
  return { data: host.data, shape: [...wanted] };
}

function flatten(value: HostValue): { data: HostArray; shape: Shape } {
  if (typeof value === 'number') return { data: Float64Array.of(value), shape: [] };
  if (value instanceof Float32Array || value instanceof Float64Array) return { data: value.slice(), shape: [value.length] };
  if (isNdArray(value)) return { data: flattenNdArray(value), shape: value.shape };
  if (!Array.isArray(value))
    throw new TypeError(
      `tensor: ${describeType(value)} given; give a number, nested arrays of numbers, a Float32Array, a Float64Array or an ndarray`,
    );
  const shape = nestedShape(value);
  const data: number[] = [];
  flattenNested(value, shape, data);
  return { data: Float64Array.from(data), shape };
}

function isNdArray(value: object): value is HostNdArray {
  return 'stride' in value && 'offset' in value && 'shape' in value;
}

function describeType(value: object): string {
  return value === null || value === undefined ? String(value) : value.constructor.name;
}

function flattenNdArray({ data, shape, stride, offset }: HostNdArray): HostArray {
  const exact = data instanceof Float64Array || Array.isArray(data);
  const out = exact ? new Float64Array(sizeOf(shape)) : new Float32Array(sizeOf(shape));
  let at = 0;
  const walk = (axis: number, from: number): void => {
    if (axis === shape.length) {
      out[at++] = data[from]!;
      return;
    }
    for (let k = 0; k < shape[axis]!; k++) walk(axis + 1, from + k * stride[axis]!);
  };
  walk(0, offset);
  return out;
}

function nestedShape(value: NestedNumbers): number[] {
  const shape: number[] = [];
  let level: number | NestedNumbers | undefined = value;
  while (typeof level === 'object') {
    shape.push(level.length);
    level = level[0];
  }
  return shape;
}

function flattenNested(value: number | NestedNumbers, shape: Shape, out: number[]): void {
  if (typeof value === 'number' && shape.length === 0) {
    out.push(value);
    return;
  }
  if (typeof value === 'number' || value?.length !== shape[0]) {
    throw new ShapeError(
      'tensor',
      'nested arrays are ragged or hold something other than numbers; every row of an axis needs the same length',
    );
  }
  for (const item of value) flattenNested(item, shape.slice(1), out);
}

/** The values as an ndarray over the same memory. */
export function toNdArray(data: HostArray, shape: Shape): NdArray<HostArray> {
  return ndarray(data, [...shape]);
}
