/** The number formats of safetensors files that weights come in, all little-endian, as this program's typed arrays are. */
import type { HostArray } from '../core/index.ts';

export interface Dtype {
  readonly bytes: number;
  /** The numbers in bytes that begin a buffer of their own. */
  decode(bytes: Uint8Array): HostArray;
}

/** 1 sign, 5 exponent, 10 fraction bits. */
function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The upper half of a float32. */
function bfloat16(halves: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer);
}

export const DTYPES: ReadonlyMap<string, Dtype> = new Map<string, Dtype>([
  ['F32', { bytes: 4, decode: ({ buffer }) => new Float32Array(buffer) }],
  ['F64', { bytes: 8, decode: ({ buffer }) => new Float64Array(buffer) }],
  ['F16', { bytes: 2, decode: ({ buffer }) => Float32Array.from(new Uint16Array(buffer), float16) }],
  ['BF16', { bytes: 2, decode: ({ buffer }) => bfloat16(new Uint16Array(buffer)) }],
  ['I32', { bytes: 4, decode: ({ buffer }) => Float64Array.from(new Int32Array(buffer)) }],
  ['I64', { bytes: 8, decode: ({ buffer }) => Float64Array.from(new BigInt64Array(buffer), Number) }],
]);
