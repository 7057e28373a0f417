/**
 * Tar archives in memory, as far as a run needs them (POSIX ustar and pax, GNU's long names): blocks of 512 bytes, for each file a header,
 * its bytes and zeros up to the next block; a block of zeros ends the archive.
 *
 * Headers are believed only as far as their sum and the archive's size allow. A packed file is not unpacked here.
 */
import { createTar } from 'nanotar';
import { FileError } from '../disk/reason.ts';

const BLOCK = 512;
/** Bytes of a name in a header. */
const MAX_NAME = 100;

/** The archive of files by their paths. Readable to all, as files are that a program writes. */
export function writeTar(files: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const long = [...files.keys()].find((path) => new TextEncoder().encode(path).length > MAX_NAME);
  if (long !== undefined) throw new FileError(`the path ${long} has more than ${MAX_NAME} bytes; give the run a shorter name`);
  const entries = [...files].map(([name, data]) => ({ name, data }));
  const archive = createTar(entries, { attrs: { mode: '644', uid: 0, gid: 0 } });
  const whole = new Uint8Array(archive.length + 2 * BLOCK); // the end, for which createTar leaves no room where the files fill its last record
  whole.set(archive);
  return whole;
}

/** The regular files of an archive by their paths; throws a FileError, with the archive's `name`, for anything but a whole archive. */
export function readTar(archive: Uint8Array, name: string): Map<string, Uint8Array> {
  if (archive[0] === 0x1f && archive[1] === 0x8b)
    throw new FileError(`${name} is compressed; unpack it with gunzip first, a plain .tar archive is needed`);
  const files = new Map<string, Uint8Array>();
  let longName: string | undefined;
  for (let at = 0; ; ) {
    const header = archive.subarray(at, at + BLOCK);
    if (header.length === BLOCK && header.every((byte) => byte === 0)) return files;
    const { path, kind, size } = readHeader(header, at, name);
    const data = archive.subarray(at + BLOCK, at + BLOCK + size);
    if (data.length < size) throw new FileError(`${name} ends within ${JSON.stringify(path)}; it is cut off`);
    at += BLOCK * (1 + Math.ceil(size / BLOCK));
    if (kind === 'L') longName = text(data);
    else if (kind === 'x') longName = paxPath(data) ?? longName;
    else if (kind === '0' || kind === '7' || kind === '') {
      files.set(checkPath(longName ?? path, name), data);
      longName = undefined;
    } else if (kind !== 'g') longName = undefined; // directories and links carry nothing
  }
}

interface Header {
  readonly path: string;
  /** One character; '' in old archives. */
  readonly kind: string;
  readonly size: number;
}

function readHeader(header: Uint8Array, at: number, name: string): Header {
  if (header.length < BLOCK)
    throw new FileError(
      at === 0 ? `${name} has ${header.length} bytes; it is not a tar archive` : `${name} has no end; it is cut off`,
    );
  const field = (from: number, length: number): string => text(header.subarray(from, from + length));
  const sum = header.reduce((total, byte, k) => total + (k >= 148 && k < 156 ? 32 : byte), 0); // the sum itself counts as blanks
  const size = octal(field(124, 12));
  if (octal(field(148, 8)) !== sum || size === undefined)
    throw new FileError(
      at === 0 ? `${name} is not a tar archive` : `${name} has no header of a file at byte ${at}; the archive is damaged`,
    );
  const prefix = field(257, 6) === 'ustar' ? field(345, 155) : '';
  return { path: prefix === '' ? field(0, MAX_NAME) : `${prefix}/${field(0, MAX_NAME)}`, kind: field(156, 1), size };
}

/** Up to the first zero. */
function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end));
}

function octal(digits: string): number | undefined {
  return /^ *[0-7]+ *$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
}

/** Of pax records, each `length key=value` and a line feed. */
function paxPath(data: Uint8Array): string | undefined {
  return /^\d+ path=(.*)$/m.exec(text(data))?.[1];
}

/** Without `./` in front. Nothing is written by these names, but one that leads elsewhere is no run's. */
function checkPath(path: string, name: string): string {
  const parts = path.split('/').filter((part) => part !== '.');
  if (path.startsWith('/') || parts.includes('..'))
    throw new FileError(`${name} holds ${JSON.stringify(path)}, which leads out of the archive; pack the run's directory anew`);
  return parts.join('/');
}
