/**
 * Unpacks the official CIFAR archives (https://www.cs.toronto.edu/~kriz/cifar.html). Only files an archive is known to have are ever
 * written, into a directory beside the target that takes its name when all of them are there, checked and on the disk.
 */
import { createReadStream, existsSync, statSync } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { type Extract, extract } from 'tar-stream';
import { makeDirectory } from '../disk/makeDirectory.ts';
import { cifar10, cifar100 } from './cifarFiles.ts';
import { flush, md5Of, onDisk } from './download.ts';
import { DataError } from './error.ts';

export interface ArchiveSpec {
  readonly url: string;
  /** Of the .tar.gz, in hexadecimal. */
  readonly md5: string;
  /** The one directory in it. */
  readonly folder: string;
  /** Needed, with exactly so many bytes. */
  readonly records: readonly { readonly name: string; readonly bytes: number }[];
  /** Taken along if they are there. */
  readonly texts: readonly string[];
  /** Whose labels they hold. */
  readonly labels: 'cifar10' | 'cifar100';
}

const CIFAR10_FILES = ['data_batch_1', 'data_batch_2', 'data_batch_3', 'data_batch_4', 'data_batch_5', 'test_batch'];

export const ARCHIVES: Readonly<Record<'cifar10' | 'cifar100', ArchiveSpec>> = {
  cifar10: {
    url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
    md5: 'c32a1d4ab5d03f1284b67883e8d87530',
    folder: 'cifar-10-batches-bin',
    records: CIFAR10_FILES.map((name) => ({ name: `${name}.bin`, bytes: 10_000 * 3073 })),
    texts: ['batches.meta.txt', 'readme.html'],
    labels: 'cifar10',
  },
  cifar100: {
    url: 'https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz',
    md5: '03b5dce01913d631647c71ecec9e9cb8',
    folder: 'cifar-100-binary',
    records: [
      { name: 'train.bin', bytes: 50_000 * 3074 },
      { name: 'test.bin', bytes: 10_000 * 3074 },
    ],
    texts: ['fine_label_names.txt', 'coarse_label_names.txt'],
    labels: 'cifar100',
  },
};

type Entry = Extract extends AsyncIterable<infer Each> ? Each : never;

const TEXT_BYTES = 64 * 1024;
/** What headers, padding and small files nobody asked for may take. */
const SLACK_BYTES = 1024 * 1024;

/** Whether the data set lies in `directory` already. One of which a part is missing is refused: it may be somebody's on purpose. */
export function isUnpacked({ folder, records }: ArchiveSpec, directory: string): boolean {
  const target = join(directory, folder);
  if (!existsSync(target)) return false;
  const wrong = records.find(({ name, bytes }) => statSync(join(target, name), { throwIfNoEntry: false })?.size !== bytes);
  if (wrong === undefined) return true;
  throw new DataError(
    `${target} is there already, but without a whole ${wrong.name} (${wrong.bytes} bytes); remove it, or choose another directory`,
  );
}

/** Unpacks `archive` into `directory`, whole or not at all, and gives the path of its folder. */
export async function unpackArchive(
  archive: string,
  spec: ArchiveSpec,
  directory: string,
  signal?: AbortSignal,
): Promise<string> {
  const target = join(directory, spec.folder);
  await onDisk(directory, async () => makeDirectory(directory));
  await onDisk(directory, () => removeLeftovers(spec, directory));
  if (isUnpacked(spec, directory)) return target;
  await checkArchive(archive, spec, signal);
  const temporary = join(directory, `.${spec.folder}.${process.pid}.tmp`);
  try {
    await onDisk(temporary, () => mkdir(temporary));
    await unpack({ archive, spec, temporary, taken: new Set() }, signal);
    checkLabels(spec, temporary, archive);
    await onDisk(temporary, () => flush(temporary));
    signal?.throwIfAborted();
    await onDisk(target, () => rename(temporary, target));
    await onDisk(directory, () => flush(directory));
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return target;
}

/** What a run that was killed has left. */
async function removeLeftovers({ folder }: ArchiveSpec, directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const owner = name.startsWith(`.${folder}.`) ? /^\.(\d+)\.tmp$/.exec(name.slice(folder.length + 1))?.[1] : undefined;
    if (owner === undefined || (Number(owner) !== process.pid && isRunning(Number(owner)))) continue;
    await rm(join(directory, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

async function checkArchive(archive: string, { md5 }: ArchiveSpec, signal?: AbortSignal): Promise<void> {
  const status = await onDisk(archive, () => stat(archive));
  if (!status.isFile()) throw new DataError(`${archive} is not a file; the .tar.gz archive of the data set is needed`);
  const found = await md5Of(archive, signal);
  if (found !== md5)
    throw new DataError(
      `${archive} has the MD5 ${found}, but ${md5} is needed; it is damaged, or another archive than the one expected`,
    );
}

interface Unpacking {
  readonly archive: string;
  readonly spec: ArchiveSpec;
  readonly temporary: string;
  /** Names of files that are written. */
  readonly taken: Set<string>;
}

async function unpack(unpacking: Unpacking, signal?: AbortSignal): Promise<void> {
  const { archive, spec, taken } = unpacking;
  const entries = extract();
  const feeding = feed(archive, spec, entries, signal);
  feeding.catch(() => undefined); // the loop fails with it
  try {
    for await (const entry of entries) await take(entry, unpacking);
    await feeding;
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof DataError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(`${archive} is not a whole .tar.gz archive (${reason}); it is cut off, damaged or of another format`, {
      cause: error,
    });
  }
  const missing = spec.records.find(({ name }) => !taken.has(name));
  if (missing !== undefined)
    throw new DataError(`${archive} has no ${spec.folder}/${missing.name}; the binary version of the data set is needed`);
}

/** Decompresses into `entries`, but never more than a whole data set takes. */
function feed(archive: string, { records, texts }: ArchiveSpec, entries: Extract, signal?: AbortSignal): Promise<void> {
  const most = records.reduce((sum, { bytes }) => sum + bytes, texts.length * TEXT_BYTES + SLACK_BYTES);
  async function* bounded(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let total = 0;
    for await (const chunk of chunks) {
      total += chunk.length;
      if (total > most) throw new DataError(`${archive} unpacks to more than ${most} bytes, which no official archive does`);
      yield chunk;
    }
  }
  const file = createReadStream(archive);
  return pipeline(file, createGunzip(), bounded, entries, { ...(signal !== undefined && { signal }) });
}

/** Writes an entry that is expected, passes over a small file that is not, and refuses everything else before it is read. */
async function take(entry: Entry, { archive, spec, temporary, taken }: Unpacking): Promise<void> {
  const { name: path, size, type } = entry.header;
  const [folder, name = '', ...deeper] = path.split('/');
  const refuse = (why: string): DataError => new DataError(`${archive} holds ${JSON.stringify(path.slice(0, 200))}, ${why}`);
  if (folder !== spec.folder || deeper.length > 0 || name === '..' || name === '.')
    throw refuse(`but only files in ${spec.folder}/ are expected`);
  if (name === '' && (type === 'directory' || (type === 'file' && size === 0))) return void entry.resume();
  if (name === '' || type !== 'file') throw refuse(`which is no file (${type}), but only files are expected`);
  if (taken.has(name)) throw refuse('a second time');
  const exact = spec.records.find((record) => record.name === name)?.bytes;
  if (size !== exact && (exact !== undefined || size > TEXT_BYTES))
    throw refuse(`which has ${size} bytes, but ${exact ?? `at most ${TEXT_BYTES}`} are expected`);
  if (exact === undefined && !spec.texts.includes(name)) return void entry.resume();
  taken.add(name);
  await write(entry, join(temporary, name));
}

async function write(entry: Entry, file: string): Promise<void> {
  const handle = await onDisk(file, () => open(file, 'wx'));
  try {
    for await (const chunk of entry) await onDisk(file, () => handle.appendFile(chunk as Uint8Array));
    await onDisk(file, () => handle.sync());
  } finally {
    await handle.close();
  }
}

/** The readers look at every label; what they find wrong is said of the archive. */
function checkLabels({ labels }: ArchiveSpec, temporary: string, archive: string): void {
  try {
    for (const split of ['train', 'test'] as const) {
      if (labels === 'cifar10') cifar10(temporary, { split });
      else for (const kind of ['fine', 'coarse'] as const) cifar100(temporary, { split, labels: kind });
    }
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    throw new DataError(error.message.replaceAll(temporary + sep, `${archive}: `), { cause: error });
  }
}
