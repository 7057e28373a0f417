/** Unpacking: small archives in CIFAR's layout, whole ones and all kinds of damaged and hostile ones. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, deflateRawSync, gzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { ARCHIVES, type ArchiveSpec, isUnpacked, unpackArchive } from '../../data/archive.ts';
import { cifar10, cifar100 } from '../../data/cifarFiles.ts';
import { DataError } from '../../data/error.ts';
import { randomFor } from '../../data/random.ts';
import { compiledCli } from '../cli/compiled.ts';

const { runCli } = compiledCli();
const base = mkdtempSync(join(tmpdir(), 'tapegrad-archive-'));
afterAll(() => rmSync(base, { recursive: true }));

/** Each test unpacks into `outside/to`; nothing but that may change. */
let outside = '';
let to = '';
let count = 0;
beforeEach(() => {
  outside = join(base, `case-${count++}`);
  to = join(outside, 'to');
  mkdirSync(to, { recursive: true });
  writeFileSync(join(outside, 'victim'), 'untouched');
});

const RECORDS = 3;
const CIFAR10: ArchiveSpec = {
  ...ARCHIVES.cifar10,
  records: ARCHIVES.cifar10.records.map(({ name }) => ({ name, bytes: RECORDS * 3073 })),
};
const CIFAR100: ArchiveSpec = {
  ...ARCHIVES.cifar100,
  records: ARCHIVES.cifar100.records.map(({ name }) => ({ name, bytes: RECORDS * 3074 })),
};
const FOLDER = CIFAR10.folder;

interface TarEntry {
  readonly name: string;
  readonly bytes?: Uint8Array;
  readonly type?: string;
  /** The 12 bytes of the size field as they are, or the size claimed. */
  readonly size?: number | Uint8Array;
  readonly link?: string;
}

/** A header and padded contents (POSIX.1-1988 ustar). */
function tarEntry({ name, bytes = new Uint8Array(), type = '0', size = bytes.length, link = '' }: TarEntry): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, digits: number): string => `${value.toString(8).padStart(digits, '0')}\0`;
  header.write(name, 0);
  header.write(octal(0o644, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  if (typeof size === 'number') header.write(octal(size, 11), 124);
  else header.set(size, 124);
  header.write(octal(0, 11), 136);
  header.write(type, 156);
  header.write(link, 157);
  header.write('ustar\x0000', 257);
  header.fill(' ', 148, 156);
  header.write(
    octal(
      header.reduce((sum, byte) => sum + byte, 0),
      6,
    ),
    148,
  );
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

const tarball = (entries: readonly TarEntry[]): Buffer => Buffer.concat([...entries.map(tarEntry), Buffer.alloc(1024)]);

const { integer: below } = randomFor(7);

/** Records with these labels and pixels that compress badly. */
const records = (labels: readonly (readonly number[])[]): Uint8Array =>
  Uint8Array.from(labels.flatMap((label) => [...label, ...Array.from({ length: 3072 }, () => below(256))]));

const textEntry = (name: string, text: string): TarEntry => ({ name, bytes: Buffer.from(text) });
const whole10: readonly TarEntry[] = [
  { name: `${FOLDER}/`, type: '5' },
  ...CIFAR10.records.map(({ name }) => ({ name: `${FOLDER}/${name}`, bytes: records([[0], [9], [4]]) })),
  textEntry(`${FOLDER}/readme.html`, '<html>'),
];
const whole100: readonly TarEntry[] = ['train.bin', 'test.bin'].map((name) => ({
  name: `cifar-100-binary/${name}`,
  bytes: records([
    [0, 99],
    [19, 0],
    [3, 50],
  ]),
}));

/** Unpacks bytes that their user vouches for with --md5, so that nothing but unpacking itself can refuse them. */
async function unpackBytes(bytes: Uint8Array, spec: ArchiveSpec = CIFAR10): Promise<string> {
  const archive = join(base, 'archive.tar.gz');
  writeFileSync(archive, bytes);
  return unpackArchive(archive, { ...spec, md5: createHash('md5').update(bytes).digest('hex') }, to);
}

async function refused(bytes: Uint8Array, spec?: ArchiveSpec): Promise<string> {
  const started = performance.now();
  const error = await unpackBytes(bytes, spec).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DataError);
  const { message } = error as DataError;
  expect(message).toMatch(/^[^\n]*archive\.tar\.gz[^\n]*$/);
  expect(performance.now() - started).toBeLessThan(5000);
  expect(readdirSync(outside).sort()).toEqual(['to', 'victim']);
  expect(readFileSync(join(outside, 'victim'), 'utf8')).toBe('untouched');
  expect(readdirSync(to)).toEqual([]);
  return message;
}

describe('a whole archive', () => {
  it('is unpacked file by file, and read as a data set', async () => {
    const target = await unpackBytes(gzipSync(tarball(whole10)));
    expect(target).toBe(join(to, FOLDER));
    expect(readdirSync(to)).toEqual([FOLDER]);
    for (const { name, bytes } of whole10.slice(1)) expect(readFileSync(join(to, name))).toEqual(Buffer.from(bytes!));
    expect([cifar10(target).length, cifar10(target, { split: 'test' }).label(1)]).toEqual([15, 9]);
  });
  it('of CIFAR-100 too', async () => {
    const target = await unpackBytes(gzipSync(tarball(whole100)), CIFAR100);
    expect(cifar100(target).label(0)).toBe(99);
  });
  it('may have small files nobody knows, which are passed over, and come in several gzip members', async () => {
    const bytes = tarball([
      textEntry(`${FOLDER}/notes.txt~`, 'x'.repeat(700)),
      textEntry(`${FOLDER}/__proto__`, 'x'),
      ...whole10,
    ]);
    const target = await unpackBytes(Buffer.concat([gzipSync(bytes.subarray(0, 5000)), gzipSync(bytes.subarray(5000))]));
    expect(readdirSync(target).sort()).toEqual([...CIFAR10.records.map(({ name }) => name), 'readme.html'].sort());
  });
  it('that lies there already is left alone, and of one with a part missing nothing is touched', async () => {
    const target = await unpackBytes(gzipSync(tarball(whole10)));
    writeFileSync(join(target, 'mine'), 'x');
    expect(isUnpacked(CIFAR10, to)).toBe(true);
    expect(await unpackBytes(Buffer.from('not read'))).toBe(target);
    rmSync(join(target, 'data_batch_2.bin'));
    await expect(unpackBytes(gzipSync(tarball(whole10)))).rejects.toThrow(
      /cifar-10-batches-bin is there already, but without a whole data_batch_2\.bin \(9219 bytes\); remove it/,
    );
    expect(readdirSync(target)).toContain('mine');
  });
  it('clears away what a killed run has left, but not what a running one uses', async () => {
    // Process numbers go up to 2^22; the parent of this process runs.
    const [dead, alive] = [`.${FOLDER}.9999999.tmp`, `.${FOLDER}.${process.ppid}.tmp`];
    for (const name of [dead, alive, `.${FOLDER}.x.tmp`]) mkdirSync(join(to, name));
    await unpackBytes(gzipSync(tarball(whole10)));
    expect(readdirSync(to).sort()).toEqual([alive, `.${FOLDER}.x.tmp`, FOLDER].sort());
  });
  it.each(['reading', 'unpacking'])('ends when its signal does while %s, and leaves nothing', async (stage) => {
    const archive = join(base, 'aborted.tar.gz');
    const bytes = gzipSync(tarball(whole10));
    writeFileSync(archive, bytes);
    const controller = new AbortController();
    const work = unpackArchive(
      archive,
      { ...CIFAR10, md5: createHash('md5').update(bytes).digest('hex') },
      to,
      controller.signal,
    );
    work.catch(() => undefined);
    while (stage === 'unpacking' && readdirSync(to).length === 0) await new Promise(setImmediate);
    expect(readdirSync(to)).toEqual(stage === 'unpacking' ? [`.${FOLDER}.${process.pid}.tmp`] : []);
    controller.abort();
    await expect(work).rejects.toThrow(expect.objectContaining({ name: 'AbortError' }));
    expect(readdirSync(to)).toEqual([]);
  });
});

describe('an archive that is not whole is refused in one sentence', () => {
  const packed = gzipSync(tarball(whole10));
  const plain = tarball(whole10);

  it('with another MD5 than expected, naming both', async () => {
    const archive = join(base, 'archive.tar.gz');
    writeFileSync(archive, packed);
    const found = createHash('md5').update(packed).digest('hex');
    await expect(unpackArchive(archive, CIFAR10, to)).rejects.toThrow(`has the MD5 ${found}, but ${CIFAR10.md5} is needed`);
    await expect(unpackArchive(join(base, 'none'), CIFAR10, to)).rejects.toThrow(/none: no such file or directory \(ENOENT\)/);
    for (const wrong of [base, '/dev/null'])
      await expect(unpackArchive(wrong, CIFAR10, to)).rejects.toThrow(/is not a file; the \.tar\.gz archive/);
    expect(readdirSync(to)).toEqual([]);
  });
  it.each(Array.from({ length: 16 }, (_, k) => Math.floor((k * packed.length) / 16) + (k % 3)))(
    'cut off after %i bytes',
    async (length) => {
      expect(await refused(packed.subarray(0, length))).toContain('it is cut off, damaged or of another format');
    },
  );
  it('cut off within its checksum', async () => {
    expect(await refused(packed.subarray(0, -5))).toContain('unexpected end of file');
  });
  // The first ten bytes are the gzip header, whose time and system mean nothing; the MD5 covers them.
  it.each(Array.from({ length: 24 }, () => [10 + below(packed.length - 10), below(8)] as const))(
    'byte %i, bit %i flipped',
    async (at, bit) => {
      const damaged = Buffer.from(packed);
      damaged[at]! ^= 1 << bit;
      await refused(damaged);
    },
  );
  // Before the checksum's own eight bytes, of which not all mean something.
  it.each(Array.from({ length: 12 }, () => [below(148), below(8)] as const))(
    'a tar header with byte %i, bit %i flipped',
    async (at, bit) => {
      const damaged = Buffer.from(plain);
      damaged[512 + at]! ^= 1 << bit;
      await refused(gzipSync(damaged));
    },
  );
  it.each([600, 5000, 9000, 20_000, 50_000])('gzip whole, but the tar in it ends after %i bytes', async (length) => {
    await refused(gzipSync(plain.subarray(0, length)));
  });

  const batch = whole10[1]!;
  const changed = (change: Partial<TarEntry>): Buffer => tarball([whole10[0]!, { ...batch, ...change }, ...whole10.slice(2)]);
  const added = (...entries: TarEntry[]): Buffer => tarball([...entries, ...whole10]);
  const bytesOf = (text: string): Uint8Array => Buffer.from(text.padEnd(12, '\0'), 'latin1');
  const cases: Record<string, [Uint8Array, string]> = {
    'with .. in a name': [added(textEntry('../escaped', 'x')), 'holds "../escaped", but only files in cifar-10-batches-bin/'],
    'with .. after the folder': [added(textEntry(`${FOLDER}/../escaped`, 'x')), 'but only files in'],
    'with .. as a name': [added({ name: `${FOLDER}/..`, type: '5' }), 'but only files in'],
    'with . as a name': [added({ name: `${FOLDER}/.`, type: '0' }), 'but only files in'],
    'with the folder twice': [added(textEntry(`${FOLDER}/${FOLDER}/test_batch.bin`, 'x')), 'but only files in'],
    'with an absolute name': [added(textEntry('/tmp/escaped', 'x')), 'holds "/tmp/escaped", but only files in'],
    'with an absolute name in the folder': [added(textEntry(`/${FOLDER}/test_batch.bin`, 'x')), 'but only files in'],
    'with a backslash': [added(textEntry(`${FOLDER}\\..\\escaped`, 'x')), 'but only files in'],
    'with a file beside the folder': [added(textEntry('data_batch_1.bin', 'x')), 'but only files in'],
    'with an empty name': [added(textEntry('', 'x')), 'but only files in'],
    'of another folder': [tarball(whole100), 'holds "cifar-100-binary/train.bin", but only files in'],
    'with a symlink out': [changed({ type: '2', link: '../../victim', bytes: new Uint8Array() }), 'which is no file (symlink)'],
    'with a symlink for the folder': [added({ name: FOLDER, type: '2', link: '..' }), 'which is no file (symlink)'],
    'with a symlink for the folder/': [added({ name: `${FOLDER}/`, type: '2', link: '..' }), 'which is no file (symlink)'],
    'with a hard link out': [changed({ type: '1', link: '../../victim', bytes: new Uint8Array() }), 'which is no file (link)'],
    'with a character device': [changed({ type: '3', bytes: new Uint8Array() }), 'which is no file (character-device)'],
    'with a block device': [changed({ type: '4', bytes: new Uint8Array() }), 'which is no file (block-device)'],
    'with a pipe': [changed({ type: '6', bytes: new Uint8Array() }), 'which is no file (fifo)'],
    'with a directory for a file': [changed({ type: '5', bytes: new Uint8Array() }), 'which is no file (directory)'],
    'with a sparse file': [changed({ type: 'S' }), 'which is no file'],
    'that claims 8 GiB': [changed({ size: 0o77777777777 }), 'which has 8589934591 bytes, but 9219 are expected'],
    'that claims 2^80 bytes': [changed({ size: Uint8Array.of(128, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0) }), 'but 9219 are expected'],
    'with a negative size': [changed({ size: new Uint8Array(12).fill(255).fill(1, 11) }), 'Invalid header'],
    'with a size below zero in octal': [changed({ size: bytesOf('-0000022003') }), ''],
    'with a size that is no octal': [changed({ size: bytesOf('garbage!') }), ''],
    'with a size of blanks': [changed({ size: bytesOf('           ') }), 'which has 0 bytes, but 9219 are expected'],
    'with a pax size of 8 GiB': [
      added({ name: 'p', type: 'x', bytes: Buffer.from('19 size=8589934592\n') }, batch),
      'has 8589934592',
    ],
    'with a pax name out': [added({ name: 'p', type: 'x', bytes: Buffer.from('16 path=../away\n') }, batch), 'holds "../away"'],
    'with a long name out': [
      added({ name: 'L', type: 'L', bytes: Buffer.from(`../${'a'.repeat(400)}`) }, batch),
      'holds "../aaa',
    ],
    'with a long name of 8 GiB': [added({ name: 'L', type: 'L', size: 0o77777777777 }), 'Header exceeds max size'],
    'with a negative long name': [
      added({ name: 'L', type: 'L', size: new Uint8Array(12).fill(255).fill(1, 11) }, { name: '../x' }),
      '',
    ],
    'with a large file nobody knows': [added({ name: `${FOLDER}/big`, bytes: new Uint8Array(70_000) }), 'but at most 65536'],
    'with a large text': [added({ name: `${FOLDER}/batches.meta.txt`, bytes: new Uint8Array(70_000) }), 'at most 65536'],
    'with a file twice': [added(batch), 'data_batch_1.bin", a second time'],
    'with a text twice': [added(whole10.at(-1)!), 'readme.html", a second time'],
    'without a file': [
      tarball(whole10.filter(({ name }) => !name.includes('batch_5'))),
      'has no cifar-10-batches-bin/data_batch_5.bin',
    ],
    'without the test images': [
      tarball(whole10.filter(({ name }) => !name.includes('test'))),
      'has no cifar-10-batches-bin/test_b',
    ],
    'with nothing in it': [tarball([]), 'has no cifar-10-batches-bin/data_batch_1.bin'],
    'with a record too few': [changed({ bytes: records([[0], [1]]) }), 'which has 6146 bytes, but 9219 are expected'],
    'with a record too many': [changed({ bytes: records([[0], [1], [2], [3]]) }), 'which has 12292 bytes, but 9219'],
    'with a label too large': [changed({ bytes: records([[0], [10], [2]]) }), 'data_batch_1.bin has label 10 in record 1'],
    'with garbage behind it': [Buffer.concat([plain, Buffer.alloc(2000, 'x')]), 'Invalid tar header'],
    'of text': [Buffer.from('no tar at all '.repeat(1000)), 'Invalid tar header'],
    'of bytes by chance': [Buffer.from(Uint8Array.from({ length: 5000 }, () => below(256))), 'Invalid tar header'],
  };
  it.each(Object.entries(cases))('%s', async (_, [bytes, sentence]) => {
    expect(await refused(gzipSync(bytes))).toContain(sentence);
  });
  it.each([
    ['empty', Buffer.alloc(0), 'unexpected end of file'],
    ['a page of HTML', Buffer.from('<!doctype html><title>404</title>'), 'incorrect header check'],
    ['a tar that is not packed', plain, 'incorrect header check'],
  ])('%s', async (_, bytes, sentence) => {
    expect(await refused(bytes)).toContain(sentence);
  });
  it('of CIFAR-100 with a wrong fine or coarse label', async () => {
    for (const label of [
      [0, 100],
      [20, 0],
    ]) {
      const damaged = [whole100[0]!, { ...whole100[1]!, bytes: records([[0, 1], label, [2, 3]]) }];
      expect(await refused(gzipSync(tarball(damaged)), CIFAR100)).toMatch(/test\.bin has label (20|100) in record 1/);
    }
  });
});

describe('a bomb ends after a fixed number of bytes', () => {
  const zeros = Buffer.alloc(1 << 24);
  const times = 128; // 2 GiB in all
  it.each<[string, () => Uint8Array]>([
    ['of gzip members', () => Buffer.concat(new Array<Buffer>(times).fill(gzipSync(zeros, { level: 9 })))],
    [
      'of one member',
      () => {
        const piece = deflateRawSync(zeros, { finishFlush: constants.Z_FULL_FLUSH });
        return Buffer.concat([gzipSync('').subarray(0, 10), ...new Array<Buffer>(times).fill(piece)]);
      },
    ],
    [
      'behind a whole archive',
      () => Buffer.concat([gzipSync(tarball(whole10)), ...new Array<Buffer>(times).fill(gzipSync(zeros))]),
    ],
  ])('%s', async (_, bytes) => {
    expect(await refused(bytes())).toMatch(/unpacks to more than \d{7} bytes, which no official archive does/);
  });
});

describe('the command data', () => {
  const OPTIONS = ['data', 'cifar100', '--to'];
  const archive = join(base, 'full.tar.gz');
  let md5 = '';

  /** As many records as the official archive has, all of one kind. */
  function writeFullArchive(): void {
    const entries = ARCHIVES.cifar100.records.map(({ name, bytes }) => ({
      name: `cifar-100-binary/${name}`,
      bytes: Buffer.alloc(bytes, 7),
    }));
    const packed = gzipSync(tarball(entries), { level: 1 });
    writeFileSync(archive, packed);
    md5 = createHash('md5').update(packed).digest('hex');
  }

  it('unpacks a file, says where, and does nothing the second time', async () => {
    writeFullArchive();
    const first = await runCli([...OPTIONS, to, '--from', archive, '--md5', md5.toUpperCase()]);
    expect(first).toEqual({ code: 0, stderr: '', stdout: `--dataset cifar100 --data ${join(to, 'cifar-100-binary')}\n` });
    expect(existsSync(archive)).toBe(true);
    const again = await runCli([...OPTIONS, to, '--from', archive, '--json']);
    expect(again.stderr).toContain('is there already, and whole; nothing to do');
    expect([again.code, JSON.parse(again.stdout)]).toEqual([
      0,
      { dataset: 'cifar100', directory: join(to, 'cifar-100-binary'), present: true },
    ]);
  });
  it.each<[string, () => string[], number, RegExp]>([
    [
      'a wrong sum',
      () => ['cifar100', '--to', to, '--from', archive],
      1,
      /has the MD5 [0-9a-f]{32}, but 03b5dce01913d631647c71ecec9e9cb8 is/,
    ],
    ['a missing file', () => ['cifar10', '--to', to, '--from', '/nowhere.tar.gz'], 1, /^error: \/nowhere\.tar\.gz: no such file/],
  ])('ends with one sentence for %s', async (_, args, code, sentence) => {
    const result = await runCli(['data', ...args()]);
    expect(result.stderr).toMatch(sentence);
    expect(result.stderr).not.toMatch(/\n {4}at /);
    expect([result.code, result.stdout]).toEqual([code, '']);
    expect(readdirSync(to)).toEqual([]);
  });
});
