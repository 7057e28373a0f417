/**
 * The safetensors format: weights by name, as PyTorch writes and reads them.
 *
 *     8 bytes  length of the header, little-endian
 *     header   JSON: { name: { dtype, shape, data_offsets: [begin, end] }, ..., __metadata__: { text: text } }
 *     data     the arrays one after another, little-endian, without gaps
 *
 * A header is believed only as far as the file's own size allows; nothing is allocated by what it claims.
 */
import type { HostArray, Shape } from '../core/index.ts';
import { sizeOf } from '../core/shape.ts';
import type { StateDict } from '../nn/index.ts';
import { DTYPES, type Dtype } from './dtypes.ts';

/** A file of weights that cannot be read or written; the message names the file. */
export class WeightsError extends Error {
  /** Always `WeightsError`. */
  override readonly name = 'WeightsError';
}

/** Headers of real models have a few hundred kilobytes; the format's own limit. */
const MAX_HEADER = 100_000_000;

/**
 * The arrays of a file's bytes, in its order; half floats become float32, integers float64. Throws a WeightsError with `name` and
 * the key.
 */
export function decodeSafetensors(bytes: Uint8Array, name = 'the safetensors data'): StateDict {
  const { header, dataStart } = readHeader(bytes, name);
  const entries = Object.entries(header).filter(([key]) => key !== '__metadata__');
  const parsed = entries.map(([key, entry]) => ({ key, ...checkEntry(entry, key, bytes.length - dataStart, name) }));
  checkLayout(parsed, bytes.length - dataStart, name);
  return new Map(
    parsed.map(({ key, dtype, shape, begin, end }) => [
      key,
      { shape, data: dtype.decode(new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end))) },
    ]),
  );
}

function readHeader(bytes: Uint8Array, file: string): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.length < 8) throw new WeightsError(`${file} has ${bytes.length} bytes; a safetensors file has at least 8`);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(Math.min(bytes.length - 8, MAX_HEADER))) {
    throw new WeightsError(
      `${file} says that its header has ${length} bytes, but ${bytes.length - 8} follow; it is cut off or not a safetensors file`,
    );
  }
  const dataStart = 8 + Number(length);
  const text = new TextDecoder().decode(bytes.subarray(8, dataStart));
  return { header: parseHeader(text, file), dataStart };
}

function parseHeader(text: string, file: string): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch {
    throw new WeightsError(`${file} has a header that is not JSON; it is damaged or not a safetensors file`);
  }
  if (!isRecord(header)) throw new WeightsError(`${file} has a header that is not a JSON object`);
  return header;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface Entry {
  readonly dtype: Dtype;
  readonly shape: Shape;
  readonly begin: number;
  readonly end: number;
}

function checkEntry(entry: unknown, key: string, available: number, file: string): Entry {
  const fail = (problem: string): never => {
    throw new WeightsError(`${file}: the entry ${JSON.stringify(key)} ${problem}`);
  };
  if (!isRecord(entry)) return fail('is not an object');
  const { dtype, shape, data_offsets: offsets } = entry;
  const type = typeof dtype === 'string' ? DTYPES.get(dtype) : undefined;
  if (type === undefined) return fail(`has dtype ${JSON.stringify(dtype)}; supported are ${[...DTYPES.keys()].join(', ')}`);
  if (!isCountList(shape)) return fail('has a shape that is not a list of whole numbers');
  if (!isCountList(offsets) || offsets.length !== 2) return fail('has data_offsets that are not two whole numbers');
  const [begin, end] = [offsets[0]!, offsets[1]!];
  if (begin > end || end > available)
    return fail(`lies at bytes ${begin} to ${end}, but the file has ${available} bytes of data`);
  if (sizeOf(shape) * type.bytes !== end - begin)
    return fail(`of shape [${shape}] and dtype ${dtype} needs ${sizeOf(shape) * type.bytes} bytes, but ${end - begin} are given`);
  return { dtype: type, shape, begin, end };
}

function isCountList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && each >= 0);
}

/** The arrays cover the data without gap or overlap, as the format demands. */
function checkLayout(entries: readonly (Entry & { key: string })[], available: number, file: string): void {
  let end = 0;
  for (const entry of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin !== end)
      throw new WeightsError(
        `${file}: the entry ${JSON.stringify(entry.key)} begins at byte ${entry.begin}, but ${end} was expected; arrays overlap or leave a gap`,
      );
    end = entry.end;
  }
  if (end !== available)
    throw new WeightsError(`${file} has ${available} bytes of data, but its arrays cover ${end}; it is damaged`);
}

/** Options of `writeSafetensors` and `encodeSafetensors`. */
export interface WriteOptions {
  /** Texts by name, kept in the header beside the arrays; none by default. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Whether float64 arrays stay float64; by default everything is written as float32, as PyTorch expects it. */
  readonly exact?: boolean;
}

/** The bytes of a safetensors file, in pieces, arrays in the map's order. */
export function encodeSafetensors(tensors: StateDict, { metadata, exact = false }: WriteOptions = {}): Uint8Array[] {
  const arrays = [...tensors].map(([key, { shape, data }]) => ({
    key,
    shape,
    data: exact || data instanceof Float32Array ? data : Float32Array.from(data),
  }));
  let end = 0;
  const entries = arrays.map(({ key, shape, data }) => {
    const begin = end;
    end += data.byteLength;
    return [key, { dtype: dtypeOf(data), shape, data_offsets: [begin, end] }];
  });
  const json = JSON.stringify(Object.fromEntries(metadata === undefined ? entries : [['__metadata__', metadata], ...entries]));
  const header = new TextEncoder().encode(json.padEnd(Math.ceil(json.length / 8) * 8)); // data aligned to 8 bytes
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  return [length, header, ...arrays.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
}

function dtypeOf(data: HostArray): string {
  return data instanceof Float64Array ? 'F64' : 'F32';
}
