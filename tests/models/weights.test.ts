/** Safetensors: round trips, files whole or not at all, and malformed files that end in one sentence. */
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readSafetensors, WeightsError, writeSafetensors } from '../../models/index.ts';

const directory = mkdtempSync(join(tmpdir(), 'tapegrad-weights-'));
const path = (name: string): string => join(directory, name);

/** A file from a header object and data bytes. */
function file(header: unknown, data = new Uint8Array(0)): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

const entry = (dtype: string, shape: number[], begin: number, end: number) => ({ dtype, shape, data_offsets: [begin, end] });

describe('round trip', () => {
  it('keeps names, shapes and bits', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ minLength: 1 }).filter((key) => key !== '__metadata__' && key !== '__proto__'),
          fc.float32Array({ minLength: 1, maxLength: 20 }),
        ),
        (arrays) => {
          const tensors = new Map(Object.entries(arrays).map(([key, data]) => [key, { shape: [data.length, 1], data }]));
          writeSafetensors(path('round.safetensors'), tensors, { metadata: { format: 'pt' } });
          const read = readSafetensors(path('round.safetensors'));
          expect([...read.keys()].sort()).toEqual([...tensors.keys()].sort());
          for (const [key, { shape, data }] of tensors) {
            expect(read.get(key)!.shape).toEqual(shape);
            expect(new Uint8Array(read.get(key)!.data.slice().buffer)).toEqual(new Uint8Array(data.slice().buffer));
          }
        },
      ),
      { numRuns: 50 },
    );
  });
  it('keeps float64 where asked', () => {
    const tensors = new Map([['x', { shape: [1], data: Float64Array.of(Math.PI) }]]);
    writeSafetensors(path('exact.safetensors'), tensors, { exact: true });
    expect(readSafetensors(path('exact.safetensors')).get('x')!.data[0]).toBe(Math.PI);
    writeSafetensors(path('exact.safetensors'), tensors);
    expect(readSafetensors(path('exact.safetensors')).get('x')!.data[0]).toBe(Math.fround(Math.PI));
  });
  it('reads half floats and integers', () => {
    const halves = new Uint8Array(Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7c00).buffer);
    expect([...readSafetensors(file({ h: entry('F16', [4], 0, 8) }, halves)).get('h')!.data]).toEqual([
      1,
      -2,
      2 ** -24,
      Number.POSITIVE_INFINITY,
    ]);
    const brain = new Uint8Array(Uint16Array.of(0x3f80, 0xbf80).buffer);
    expect([...readSafetensors(file({ b: entry('BF16', [2], 0, 4) }, brain)).get('b')!.data]).toEqual([1, -1]);
    const count = new Uint8Array(BigInt64Array.of(7n).buffer);
    expect([...readSafetensors(file({ n: entry('I64', [], 0, 8) }, count)).get('n')!.data]).toEqual([7]);
  });
});

describe('writing', () => {
  it('leaves nothing behind where it cannot', () => {
    expect(() => writeSafetensors(path('missing/x.safetensors'), new Map())).toThrow(
      /^cannot write .*missing.x\.safetensors: no such file or directory \(ENOENT\)$/,
    );
    expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('malformed files end in one sentence', () => {
  it.each([
    ['too short', new Uint8Array(3), 'has 3 bytes; a safetensors file has at least 8'],
    ['huge header', file({}).fill(255, 0, 8), 'says that its header has 18446744073709551615 bytes, but 2 follow'],
    ['not JSON', file('{"a": '), 'has a header that is not JSON'],
    ['not an object', file('[1]'), 'has a header that is not a JSON object'],
    ['unknown dtype', file({ w: entry('Q4', [1], 0, 4) }, new Uint8Array(4)), 'the entry "w" has dtype "Q4"; supported are F32'],
    [
      'negative shape',
      file({ w: entry('F32', [-1], 0, 4) }, new Uint8Array(4)),
      'the entry "w" has a shape that is not a list of whole numbers',
    ],
    [
      'beyond the end',
      file({ w: entry('F32', [2], 0, 8) }, new Uint8Array(4)),
      'the entry "w" lies at bytes 0 to 8, but the file has 4 bytes of data',
    ],
    [
      'wrong size',
      file({ w: entry('F32', [3], 0, 8) }, new Uint8Array(8)),
      'the entry "w" of shape [3] and dtype F32 needs 12 bytes, but 8 are given',
    ],
    [
      'overlap',
      file({ a: entry('F32', [2], 0, 8), b: entry('F32', [1], 4, 8) }, new Uint8Array(8)),
      'the entry "b" begins at byte 4, but 8 was expected',
    ],
    ['too much data', file({ a: entry('F32', [1], 0, 4) }, new Uint8Array(8)), 'has 8 bytes of data, but its arrays cover 4'],
    ['entry is a number', file({ a: 3 }), 'the entry "a" is not an object'],
  ])('%s', (_, bytes, message) => {
    expect(() => readSafetensors(bytes)).toThrow(message);
    writeFileSync(path('bad.safetensors'), bytes);
    expect(() => readSafetensors(path('bad.safetensors'))).toThrow(path('bad.safetensors'));
  });
  it('whatever bits are flipped or cut off', () => {
    writeSafetensors(path('good.safetensors'), new Map([['layer.weight', { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }]]));
    const good = new Uint8Array(readFileSync(path('good.safetensors')));
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, value, length) => {
        const bytes = good.slice(0, length);
        if (at < length) bytes[at] = value;
        try {
          readSafetensors(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(WeightsError);
        }
      }),
      { numRuns: 500 },
    );
  });
  it('a missing file', () => {
    expect(() => readSafetensors(path('none.safetensors'))).toThrow(
      /^cannot read .*none\.safetensors: no such file or directory \(ENOENT\)$/,
    );
  });
});
