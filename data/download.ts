/**
 * Fetches one file whose MD5 is known. Bytes go to `<file>.part`, which outlives broken connections and ended runs, so that the next
 * try asks for the rest only (RFC 9110, section 14: Range). What is in it is worth nothing until its checksum is right.
 */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { reason } from '../disk/reason.ts';
import { DataError } from './error.ts';

export interface DownloadOptions {
  /** Of the whole file, in hexadecimal. */
  readonly md5: string;
  /** Bytes in the part file, and how many there will be where the server says so. Called when an answer begins, then as it comes. */
  readonly onProgress?: (received: number, total: number | undefined) => void;
  /** Why the connection ended, and how long the pause before the next try is. */
  readonly onRetry?: (reason: string, pauseMs: number) => void;
  readonly signal?: AbortSignal;
  readonly attempts?: number;
  /** Before the second try; each one after that is twice as long. */
  readonly pauseMs?: number;
  /** A connection that brings nothing for so long counts as lost. */
  readonly stallMs?: number;
  readonly maxBytes?: number;
}

interface Transfer {
  readonly url: string;
  readonly part: string;
  readonly options: DownloadOptions;
  /** Tells this version of the file from others: a strong ETag, or a date. */
  validator?: string;
}

/** The connection ended before the file did; another try may do better. */
class Dropped extends Error {}

/** Leaves `file` whole or not there at all. Throws a DataError, or the reason of the signal. */
export async function download(url: string, file: string, options: DownloadOptions): Promise<void> {
  if (!/^https?:$/.test(URL.canParse(url) ? new URL(url).protocol : ''))
    throw new DataError(`${url} is not an address to download from; one with http:// or https:// is needed`);
  const part = `${file}.part`;
  if (!(await isWhole(part, options))) {
    await receiveAll({ url, part, options });
    await checkPart(url, part, options);
  }
  await onDisk(part, async () => {
    await flush(part);
    await rename(part, file);
    await flush(dirname(file));
  });
}

/** An earlier run may have ended between the last byte and the rename. */
async function isWhole(part: string, { md5, signal }: DownloadOptions): Promise<boolean> {
  return existsSync(part) && (await stat(part)).isFile() && (await md5Of(part, signal)) === md5;
}

async function receiveAll(transfer: Transfer): Promise<void> {
  const { attempts = 5, pauseMs = 1000, signal, onRetry } = transfer.options;
  for (let attempt = 1; ; attempt++) {
    try {
      return await receive(transfer);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Dropped)) throw error;
      if (attempt >= attempts) throw await gaveUp(transfer, attempt, error);
      const wait = pauseMs * 2 ** (attempt - 1);
      onRetry?.(error.message, wait);
      await pause(wait, undefined, { ...(signal !== undefined && { signal }) });
    }
  }
}

async function gaveUp({ url, part }: Transfer, attempts: number, { message }: Dropped): Promise<DataError> {
  const { size } = await stat(part);
  const kept = size === 0 ? 'try again later' : `${size} bytes are kept in ${part}, and the next run goes on from there`;
  return new DataError(`${url}: the file did not come whole in ${attempts} tries (the last: ${message}); ${kept}`);
}

/** One connection: asks for what the part file lacks and appends it. */
async function receive(transfer: Transfer): Promise<void> {
  const { part, options } = transfer;
  const handle = await onDisk(part, () => open(part, 'a'));
  const watch = stallWatch(options);
  try {
    const { size } = await handle.stat();
    const response = await request(transfer, size, watch.signal);
    checkAnswer(transfer, response);
    const place = placeOf(response, size);
    const start = place?.start ?? 0;
    if (start < size) await onDisk(part, () => handle.truncate(start));
    if (place === undefined) throw new Dropped('the server did not go on where it was asked to');
    if (response.status !== 416) await append(transfer, handle, response, place, watch.alive);
  } catch (error) {
    if (error instanceof DataError || error instanceof Dropped) throw error;
    throw new Dropped(watch.stalled() ? `no byte for ${(options.stallMs ?? STALL_MS) / 1000} s` : networkReason(error));
  } finally {
    watch.end();
    await handle.close();
  }
}

const STALL_MS = 30_000;

function stallWatch({ stallMs = STALL_MS, signal }: DownloadOptions) {
  const stall = new AbortController();
  const timer = setTimeout(() => stall.abort(), stallMs);
  return {
    signal: signal === undefined ? stall.signal : AbortSignal.any([stall.signal, signal]),
    alive: () => void timer.refresh(),
    stalled: () => stall.signal.aborted,
    /** Also closes the connection, whatever is left of the answer. */
    end: () => {
      clearTimeout(timer);
      stall.abort();
    },
  };
}

function request({ url, validator }: Transfer, have: number, signal: AbortSignal): Promise<Response> {
  const range = have === 0 ? {} : { range: `bytes=${have}-`, ...(validator !== undefined && { 'if-range': validator }) };
  return fetch(url, { headers: { 'accept-encoding': 'identity', ...range }, signal });
}

/** Refuses an answer that is not the file; those that may change by themselves count as a lost connection. */
function checkAnswer(transfer: Transfer, { status, statusText, headers }: Response): void {
  const { url } = transfer;
  const answer = `${status} ${statusText}`.trim();
  if (status === 408 || status === 429 || status >= 500) throw new Dropped(`the server answers ${answer}`);
  if (![200, 206, 416].includes(status))
    throw new DataError(`${url}: the server answers ${answer}; check the address, or take the file from elsewhere`);
  const packed = headers.get('content-encoding') ?? 'identity';
  if (packed !== 'identity')
    throw new DataError(`${url}: the server packs the file once more (${packed}); take it from elsewhere`);
  const tag = headers.get('etag');
  const validator = tag?.startsWith('"') ? tag : headers.get('last-modified');
  if (validator === null) delete transfer.validator;
  else transfer.validator = validator;
}

interface Place {
  readonly start: number;
  readonly total: number | undefined;
}

/** Where in the file the bytes of the answer belong, and how long the file is; undefined if that is not where `have` bytes end. */
function placeOf({ status, headers }: Response, have: number): Place | undefined {
  const known = (bytes: string | null | undefined): number | undefined => (/^\d+$/.test(bytes ?? '') ? Number(bytes) : undefined);
  if (status === 200) return { start: 0, total: known(headers.get('content-length')) };
  const [, first, last] = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? [];
  const total = known(last);
  return (status === 206 ? known(first) : total) === have ? { start: have, total } : undefined;
}

async function append(
  { url, part, options }: Transfer,
  handle: FileHandle,
  response: Response,
  { start, total }: Place,
  alive: () => void,
): Promise<void> {
  const { maxBytes = 1e9, onProgress } = options;
  const most = Math.min(total ?? maxBytes, maxBytes);
  let received = start;
  if ((total ?? 0) > maxBytes)
    throw new DataError(`${url} has ${total} bytes, but ${maxBytes} are the most to be expected; check the address`);
  onProgress?.(received, total);
  for await (const chunk of response.body ?? []) {
    received += chunk.length;
    if (received > most) throw await tooMany(url, most, handle);
    await onDisk(part, () => handle.appendFile(chunk));
    alive();
    onProgress?.(received, total);
  }
  if (received < (total ?? 0)) throw new Dropped(`it ended after ${received} of ${total} bytes`);
}

async function tooMany(url: string, most: number, handle: FileHandle): Promise<DataError> {
  await handle.truncate(0);
  return new DataError(`${url}: the server sends more than ${most} bytes, the most to be expected; take the file from elsewhere`);
}

/** fetch says little itself; its cause knows. */
function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return cause.message || ('code' in cause ? String(cause.code) : error.message);
}

async function checkPart(url: string, part: string, { md5, signal }: DownloadOptions): Promise<void> {
  const found = await md5Of(part, signal);
  if (found === md5) return;
  const { size } = await stat(part);
  await rm(part);
  throw new DataError(
    `${url}: the ${size} bytes that came have the MD5 ${found}, but ${md5} is needed; they are deleted, so try again or take the file from elsewhere`,
  );
}

/** Of a file, in hexadecimal. */
export async function md5Of(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash('md5');
  const options = { highWaterMark: 1 << 20, ...(signal !== undefined && { signal }) };
  await onDisk(file, async () => {
    for await (const chunk of createReadStream(file, options)) hash.update(chunk);
  });
  return hash.digest('hex');
}

/** Waits until the disk has a file, or a directory with its names; Windows cannot do the latter, and need not. */
export async function flush(path: string): Promise<void> {
  if (process.platform === 'win32' && (await stat(path)).isDirectory()) return;
  const handle = await open(path, process.platform === 'win32' ? 'r+' : 'r');
  await handle.sync().finally(() => handle.close());
}

/** Runs what uses a file; what the operating system refuses becomes a DataError that names the path. */
export async function onDisk<T>(path: string, use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error && 'code' in error)) throw error;
    throw new DataError(`${path}: ${reason(error)}`, { cause: error });
  }
}
