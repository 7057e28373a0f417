/** Downloading from a server that does everything a server should not. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type DownloadOptions, download } from '../../data/download.ts';
import { DataError } from '../../data/error.ts';
import { compiledCli } from '../cli/compiled.ts';

const { runCli } = compiledCli();
const base = mkdtempSync(join(tmpdir(), 'tapegrad-download-'));
afterAll(() => rmSync(base, { recursive: true }));

const sum = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');
const SIZE = 300_000;
const FILE = Buffer.from(Uint8Array.from({ length: SIZE }, (_, k) => (k * 31 + (k >> 8)) % 251));

type Answer = (request: IncomingMessage, response: ServerResponse) => void;
/** What the server does with one request after the other; the last one stands for all that follow. */
let answers: Answer[] = [];
let ranges: (string | undefined)[] = [];
const server = createServer((request, response) => {
  ranges.push(request.headers.range);
  const answer = answers.length > 1 ? answers.shift() : answers[0];
  answer!(request, response);
});
let url = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/file.tar.gz`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

let folder = '';
let file = '';
let part = '';
let count = 0;
beforeEach(() => {
  folder = join(base, `case-${count++}`);
  mkdirSync(folder);
  file = join(folder, 'file.tar.gz');
  part = `${file}.part`;
  ranges = [];
});
afterEach(() => server.closeAllConnections());

interface Serving {
  readonly bytes?: Buffer;
  readonly etag?: string;
  /** Bytes of the answer after which the connection breaks. */
  readonly drop?: number;
}

/** A server as it should be: Range, If-Range, 416. */
function serve({ bytes = FILE, etag = '"one"', drop }: Serving = {}): Answer {
  return ({ headers }, response) => {
    const wanted = headers['if-range'] === undefined || headers['if-range'] === etag ? headers.range : undefined;
    const start = wanted === undefined ? 0 : Number(/^bytes=(\d+)-$/.exec(wanted)![1]);
    if (start >= bytes.length) return void response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    const range = { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(wanted === undefined ? 200 : 206, {
      etag,
      'content-length': bytes.length - start,
      ...(wanted !== undefined && range),
    });
    send(response, bytes.subarray(start), drop, start);
  };
}

/** Breaks the connection when `drop` bytes of it are in the part file, which had `start` before. */
function send(response: ServerResponse, bytes: Buffer, drop?: number, start = 0): void {
  if (drop === undefined) return void response.end(bytes);
  response.write(bytes.subarray(0, drop));
  void partHas(start + drop).then(() => response.destroy());
}

async function partHas(bytes: number, file = part): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (statSync(file, { throwIfNoEntry: false })?.size !== bytes && performance.now() < deadline) await pause(5);
}

const fails =
  (status: number): Answer =>
  (_, response) =>
    void response.writeHead(status).end('<html>');

/** One whole answer whatever is asked for. */
const ignoresRange =
  (drop?: number, bytes = FILE): Answer =>
  (_, response) => {
    response.writeHead(200, { 'content-length': bytes.length });
    send(response, bytes, drop);
  };

const QUICK = { md5: sum(FILE), attempts: 3, pauseMs: 5, stallMs: 5000 };

async function succeeds(options: Partial<DownloadOptions> = {}): Promise<void> {
  await download(url, file, { ...QUICK, ...options });
  expect(readFileSync(file).equals(FILE)).toBe(true);
  expect(readdirSync(folder)).toEqual(['file.tar.gz']);
}

async function refused(options: Partial<DownloadOptions> = {}): Promise<string> {
  const error = await download(url, file, { ...QUICK, ...options }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DataError);
  expect(existsSync(file)).toBe(false);
  const { message } = error as DataError;
  expect(message).not.toContain('\n');
  return message;
}

describe('a file comes whole', () => {
  it('at once, and says how far it is', async () => {
    answers = [serve()];
    const seen: [number, number | undefined][] = [];
    await succeeds({ onProgress: (received, total) => seen.push([received, total]) });
    expect([seen[0], seen.at(-1)]).toEqual([
      [0, SIZE],
      [SIZE, SIZE],
    ]);
    expect(ranges).toEqual([undefined]);
  });
  it('when the connection breaks, by asking for the rest only', async () => {
    answers = [serve({ drop: 100_000 }), serve({ drop: 50_000 }), serve()];
    const reasons: string[] = [];
    await succeeds({ onRetry: (reason, pauseMs) => reasons.push(`${pauseMs} ${reason}`) });
    expect(ranges).toEqual([undefined, 'bytes=100000-', 'bytes=150000-']);
    expect(reasons).toEqual([expect.stringMatching(/^5 ./), expect.stringMatching(/^10 ./)]);
  });
  it('from a server that does not know Range', async () => {
    answers = [ignoresRange(100_000), ignoresRange(200_000), ignoresRange()];
    await succeeds();
    expect(ranges).toEqual([undefined, 'bytes=100000-', 'bytes=200000-']);
  });
  it('though it is another one on the server between two tries', async () => {
    const old = Buffer.from(FILE).reverse();
    answers = [
      serve({ bytes: old, etag: '"old"', drop: 100_000 }),
      serve({ etag: '"new"', drop: 50_000 }),
      serve({ etag: '"new"' }),
    ];
    await succeeds();
    expect(ranges).toEqual([undefined, 'bytes=100000-', 'bytes=50000-']);
  });
  it('from a server that names a date instead of a tag, or a weak tag', async () => {
    const dates: (string | undefined)[] = [];
    const dated =
      (drop?: number): Answer =>
      (request, response) => {
        dates.push(request.headers['if-range']?.toString());
        response.setHeader('last-modified', 'Mon, 01 Jan 2024 00:00:00 GMT');
        if (drop === undefined) delete request.headers['if-range'];
        serve({ etag: 'W/"weak"', ...(drop !== undefined && { drop }) })(request, response);
      };
    answers = [dated(1000), dated()];
    await succeeds();
    expect(dates).toEqual([undefined, 'Mon, 01 Jan 2024 00:00:00 GMT']);
  });
  it('after 500, 503 and 429', async () => {
    answers = [fails(500), fails(503), fails(429), serve()];
    await succeeds({ attempts: 4 });
  });
  it('after a connection that stalls in the middle, or before anything came', async () => {
    const stalls: Answer = (_, response) =>
      void response.writeHead(200, { 'content-length': SIZE }).write(FILE.subarray(0, 5000));
    answers = [stalls, () => undefined, serve()];
    const reasons: string[] = [];
    await succeeds({ stallMs: 150, onRetry: (reason) => reasons.push(reason) });
    expect(reasons).toEqual(['no byte for 0.15 s', 'no byte for 0.15 s']);
    expect(ranges).toEqual([undefined, 'bytes=5000-', 'bytes=5000-']);
  });
  it('slowly, for longer than a stall', async () => {
    answers = [
      (_, response) => {
        response.writeHead(200, { 'content-length': SIZE });
        let sent = 0;
        const timer = setInterval(() => {
          response.write(FILE.subarray(sent, sent + SIZE / 20));
          sent += SIZE / 20;
          if (sent >= SIZE) response.end(() => clearInterval(timer));
        }, 100);
      },
    ];
    await succeeds({ stallMs: 1500, attempts: 1 });
  });
  it('after redirects', async () => {
    const redirect: Answer = (_, response) => void response.writeHead(302, { location: '/elsewhere' }).end();
    answers = [redirect, redirect, serve({ drop: 1000 }), redirect, serve()];
    await succeeds();
    expect(ranges.at(-1)).toBe('bytes=1000-');
  });
  it('in chunks of no known length', async () => {
    answers = [(_, response) => void response.writeHead(200).end(FILE)];
    await succeeds({ onProgress: (_, total) => expect(total).toBe(undefined) });
  });
  it('when the server sends another range than the one asked for, or none fits', async () => {
    const wrongRange: Answer = (_, response) => {
      response.writeHead(206, { 'content-range': `bytes 7-${SIZE - 1}/${SIZE}` }).end(FILE.subarray(7));
    };
    answers = [serve({ drop: 1000 }), wrongRange, serve({ drop: 2000 }), fails(416), serve()];
    await succeeds({ attempts: 5 });
    expect(ranges).toEqual([undefined, 'bytes=1000-', undefined, 'bytes=2000-', undefined]);
  });
});

describe('a part file', () => {
  it('of an earlier run is gone on with', async () => {
    answers = [serve({ drop: 100_000 })];
    expect(await refused({ attempts: 1 })).toContain(`100000 bytes are kept in ${part}, and the next run goes on from there`);
    expect(readFileSync(part).equals(FILE.subarray(0, 100_000))).toBe(true);
    answers = [serve()];
    await succeeds();
    expect(ranges.at(-1)).toBe('bytes=100000-');
  });
  it('that is whole already needs no server', async () => {
    writeFileSync(part, FILE);
    await succeeds();
    expect(ranges).toEqual([]);
  });
  it('with other bytes is found out by the checksum, deleted, and the next run begins anew', async () => {
    writeFileSync(part, Buffer.alloc(1000, 'x'));
    answers = [serve()];
    expect(await refused()).toMatch(/the 300000 bytes that came have the MD5 [0-9a-f]{32}, but [0-9a-f]{32} is needed/);
    expect(readdirSync(folder)).toEqual([]);
    await succeeds();
  });
  it('that is longer than the file is begun anew', async () => {
    writeFileSync(part, Buffer.alloc(SIZE + 10, 'x'));
    answers = [serve()];
    await succeeds();
    expect(ranges).toEqual([`bytes=${SIZE + 10}-`, undefined]);
  });
});

describe('one sentence, and no file', () => {
  it('for wrong bytes: both sums, and the part file is gone', async () => {
    const wrong = Buffer.from(FILE);
    wrong[1234]! ^= 1;
    answers = [serve({ bytes: wrong })];
    expect(await refused()).toContain(`have the MD5 ${sum(wrong)}, but ${sum(FILE)} is needed; they are deleted`);
    expect(readdirSync(folder)).toEqual([]);
  });
  it('for a connection that breaks at each try', async () => {
    answers = [serve({ drop: 1000 })];
    expect(await refused()).toMatch(/the file did not come whole in 3 tries \(the last: .+\); 3000 bytes are kept/);
    expect(ranges).toHaveLength(3);
  });
  it('for one that breaks before a byte came', async () => {
    answers = [(_, response) => response.destroy()];
    expect(await refused()).toMatch(/in 3 tries \(the last: .+\); try again later$/);
  });
  it('for too few bytes that pass for a whole answer', async () => {
    answers = [
      (_, response) => void response.writeHead(206, { 'content-range': `bytes 0-9/${SIZE}` }).end(FILE.subarray(0, 10)),
      fails(500),
    ];
    const reasons: string[] = [];
    await refused({ attempts: 2, onRetry: (reason) => reasons.push(reason) });
    expect(reasons).toEqual([`it ended after 10 of ${SIZE} bytes`]);
  });
  it('for a shorter file of unknown length', async () => {
    answers = [(_, response) => void response.writeHead(200).end(FILE.subarray(0, -1))];
    expect(await refused()).toContain(`the ${SIZE - 1} bytes that came have the MD5`);
  });
  it('for more bytes than announced', async () => {
    answers = [
      (_, response) => {
        response.writeHead(206, { 'content-range': 'bytes 0-99/100' }).write(FILE.subarray(0, 60));
        void partHas(60).then(() => response.end(FILE.subarray(60, 150)));
      },
    ];
    expect(await refused()).toContain('the server sends more than 100 bytes');
    expect(readFileSync(part)).toHaveLength(0);
  });
  it('for a file that is too large, announced or not', async () => {
    answers = [serve()];
    expect(await refused({ maxBytes: 1e5 })).toContain(`has ${SIZE} bytes, but 100000 are the most to be expected`);
    answers = [(_, response) => void response.writeHead(200).end(FILE)];
    expect(await refused({ maxBytes: 1e5 })).toContain('the server sends more than 100000 bytes');
  });
  it.each([404, 403, 401, 204])('for %i, at once', async (status) => {
    answers = [fails(status)];
    expect(await refused()).toMatch(
      new RegExp(`the server answers ${status} .*; check the address, or take the file from elsewhere`),
    );
    expect(ranges).toHaveLength(1);
  });
  it('for 500 at each try', async () => {
    answers = [fails(500)];
    expect(await refused()).toContain('in 3 tries (the last: the server answers 500 Internal Server Error); try again later');
    expect(ranges).toHaveLength(3);
  });
  it('for redirects without end', async () => {
    answers = [(_, response) => void response.writeHead(302, { location: '/on' }).end()];
    expect(await refused({ attempts: 1 })).toContain('redirect');
  });
  it('for a server that packs the file once more', async () => {
    answers = [(_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(FILE))];
    expect(await refused()).toContain('the server packs the file once more (gzip)');
  });
  it('for no server, and for what is no address', async () => {
    const options = { ...QUICK, attempts: 2 };
    await expect(download('http://127.0.0.1:1/x', file, options)).rejects.toThrow(/in 2 tries \(the last: .+\)/);
    for (const wrong of ['ftp://host/file', 'http://', 'file'])
      await expect(download(wrong, file, options)).rejects.toThrow(`${wrong} is not an address to download from`);
  });
  it('for a full disk', async ({ skip }) => {
    skip(!existsSync('/dev/full'), 'no /dev/full here');
    symlinkSync('/dev/full', part);
    answers = [serve()];
    expect(await refused()).toMatch(
      /file\.tar\.gz\.part: the disk is full; free some space, or choose another directory \(ENOSPC\)/,
    );
    expect(ranges).toHaveLength(1);
  });
  it('for a directory that is none, or that may not be written to', async () => {
    answers = [serve()];
    writeFileSync(join(folder, 'plain'), '');
    await expect(download(url, join(folder, 'plain/file'), QUICK)).rejects.toThrow(
      /a part of the path is a file, not a directory \(ENOTDIR\)/,
    );
    await expect(download(url, join(folder, 'none/file'), QUICK)).rejects.toThrow(/no such file or directory.* \(ENOENT\)/);
    mkdirSync(part);
    expect(await refused()).toContain('it is a directory, but a file is needed (EISDIR)');
    const readOnly = '/proc/sys';
    if (existsSync(readOnly)) await expect(download(url, join(readOnly, 'file'), QUICK)).rejects.toThrow(DataError);
  });
});

describe('the signal', () => {
  it('ends a download, whose part file stays', async () => {
    answers = [(_, response) => void response.writeHead(200, { 'content-length': SIZE }).write(FILE.subarray(0, 1000))];
    const controller = new AbortController();
    const onProgress = (received: number): void => (received === 1000 ? controller.abort() : undefined);
    await expect(download(url, file, { ...QUICK, attempts: 1, onProgress, signal: controller.signal })).rejects.toThrow(
      expect.objectContaining({ name: 'AbortError' }),
    );
    expect(readFileSync(part)).toHaveLength(1000);
    expect(ranges).toHaveLength(1);
  });
  it('ends a pause too', async () => {
    answers = [fails(500)];
    const controller = new AbortController();
    const started = performance.now();
    const onRetry = (): void => void setTimeout(() => controller.abort(), 20);
    await expect(download(url, file, { ...QUICK, pauseMs: 60_000, onRetry, signal: controller.signal })).rejects.toThrow(
      expect.objectContaining({ name: 'AbortError' }),
    );
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

describe('the command data', () => {
  const RECORD = 3073;
  /** As many records as the official archive has, in a few bytes: one tar header and zeros for each file. */
  function officialSize(): Buffer {
    const names = [...[1, 2, 3, 4, 5].map((k) => `data_batch_${k}`), 'test_batch'];
    const contents = Buffer.alloc(Math.ceil((10_000 * RECORD) / 512) * 512);
    const entries = names.flatMap((name) => [tarHeader(`cifar-10-batches-bin/${name}.bin`, 10_000 * RECORD), contents]);
    return gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)]), { level: 1 });
  }

  function tarHeader(name: string, size: number): Buffer {
    const header = Buffer.alloc(512);
    const fields: [string, number][] = [
      [name, 0],
      [size.toString(8).padStart(11, '0'), 124],
      ['        0', 148],
      ['ustar\x0000', 257],
    ];
    for (const [text, at] of fields) header.write(text, at);
    const checksum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${checksum.toString(8).padStart(6, '0')}\0`, 148);
    return header;
  }

  it('keeps what has come when Ctrl-C is pressed, and goes on to the end the next time', async () => {
    const bytes = officialSize();
    const args = ['data', 'cifar10', '--to', folder, '--from', url, '--md5', sum(bytes)];
    const half = Math.floor(bytes.length / 2);
    let pressed = false;
    const stalls: Answer = (_, response) => {
      response.writeHead(200, { 'content-length': bytes.length, etag: '"one"' }).write(bytes.subarray(0, half));
    };
    answers = [stalls];
    const first = await runCli(args, (_, child) => {
      if (pressed) return;
      pressed = true;
      void partHas(half, join(folder, 'cifar-10-binary.tar.gz.part')).then(() => child.kill('SIGINT'));
    });
    expect(first.stderr).toContain('stopping; the same command goes on from what has been downloaded');
    expect([first.code, first.stdout]).toEqual([130, '']);
    expect(readdirSync(folder)).toEqual(['cifar-10-binary.tar.gz.part']);

    answers = [serve({ bytes })];
    const second = await runCli(args);
    expect(ranges.at(-1)).toBe(`bytes=${half}-`);
    expect(second.stderr).toContain('downloading the rest (MB)');
    expect([second.code, second.stdout]).toEqual([0, `--dataset cifar10 --data ${join(folder, 'cifar-10-batches-bin')}\n`]);
    expect(readdirSync(folder)).toEqual(['cifar-10-batches-bin']);
  });
  it('ends with both sums when they differ', async () => {
    answers = [serve()];
    const wrong = await runCli(['data', 'cifar10', '--to', folder, '--from', url]);
    expect(wrong.stderr).toContain(`the MD5 ${sum(FILE)}, but c32a1d4ab5d03f1284b67883e8d87530 is needed`);
    expect([wrong.code, wrong.stdout]).toEqual([1, '']);
  });
});
