/**
 * The simd engine in a browser, on the page's workers. Chromium has relaxed SIMD, which Node 20 has not: there multiplications and additions
 * are one instruction, so the bits are the same on any number of threads, but not those of Node.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { beforeAll, describe, expect, it } from 'vitest';
import { SimdDevice } from '../../../core/devices/simd/device.ts';
import { CANCELLATION_TOLERANCE } from '../../support/devices.ts';
import { evaluate, scaledError } from '../../support/evaluate.ts';
import { sampleNetwork } from '../../support/sampleNetwork.ts';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--disable-quic'],
];
/** What makes a page cross-origin isolated: only such a page has shared memory. */
const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

interface Report {
  readonly error?: string;
  readonly threads: number;
  readonly turns: number;
  readonly errors: readonly number[];
  readonly values: readonly (readonly number[])[];
}

/** The page's modules by file name. */
type Bundle = ReadonlyMap<string, string>;

async function bundle(): Promise<Bundle> {
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    resolve: { conditions: ['tapegrad-source', 'browser'] },
    build: {
      write: false,
      minify: false,
      target: 'es2022',
      lib: { entry: fileURLToPath(new URL('../../support/simdPage.ts', import.meta.url)), formats: ['es'], fileName: 'page' },
    },
  });
  const [result] = Array.isArray(built) ? built : [built];
  if (result === undefined || !('output' in result)) throw new Error('vite built nothing');
  return new Map(result.output.flatMap((chunk) => (chunk.type === 'chunk' ? [[chunk.fileName, chunk.code]] : [])));
}

/** A server for the page, and what the page reports. */
function serve(files: Bundle, headers: Readonly<Record<string, string>>): { server: Server; report: Promise<Report> } {
  let reported: (report: Report) => void;
  const report = new Promise<Report>((resolve) => {
    reported = resolve;
  });
  const server = createServer((request, response) => {
    if (request.url === '/report') {
      const parts: Buffer[] = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', () => {
        response.end();
        reported(JSON.parse(Buffer.concat(parts).toString()));
      });
    } else if (files.has(request.url!.slice(1))) {
      response.writeHead(200, { ...headers, 'Content-Type': 'text/javascript' }).end(files.get(request.url!.slice(1)));
    } else {
      const page = '<!doctype html><script type="module" src="/page.js"></script>';
      response.writeHead(200, { ...headers, 'Content-Type': 'text/html' }).end(page);
    }
  });
  return { server, report };
}

/** Opens the page in Chromium and waits for its report. */
async function visit(files: Bundle, threads: number, headers: Readonly<Record<string, string>>): Promise<Report> {
  const profile = mkdtempSync(join(tmpdir(), 'tapegrad-chromium-'));
  const { server, report } = serve(files, headers);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/?threads=${threads}`;
  const browser = spawn(CHROMIUM, [...FLAGS, `--user-data-dir=${profile}`, url], { stdio: 'ignore', detached: true });
  try {
    return await report;
  } finally {
    const closed = new Promise((resolve) => browser.once('close', resolve));
    process.kill(-browser.pid!, 'SIGKILL'); // the browser's own processes too
    await closed;
    server.close();
    server.closeAllConnections();
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }
}

describe.skipIf(!existsSync(CHROMIUM) && process.env.CI !== 'true')('simd in Chromium', { timeout: 60_000 }, () => {
  let files: Bundle = new Map();
  beforeAll(async () => {
    files = await bundle();
  });

  it('agrees with the reference and with Node, and gives the same bits on 1, 2 and 3 threads', async () => {
    const reports: Report[] = [];
    for (const threads of [1, 2, 3]) reports.push(await visit(files, threads, ISOLATION));
    reports.forEach(({ error, threads, turns, errors, values }, k) => {
      expect(error).toBeUndefined();
      expect(threads).toBe(k + 1);
      expect(turns).toBeGreaterThan(0);
      errors.forEach((each) => expect(each).toBeLessThan(CANCELLATION_TOLERANCE));
      expect(values).toEqual(reports[0]!.values);
    });
    const device = await SimdDevice.open({ threads: 2 });
    const inNode = await evaluate(sampleNetwork(), device);
    device.destroy();
    inNode.forEach((values, k) => expect(scaledError(reports[0]!.values[k]!, values)).toBeLessThan(CANCELLATION_TOLERANCE));
  });

  it('says what a page without shared memory lacks', async () => {
    const { error } = await visit(files, 2, {});
    expect(error).toContain('useDevice: simd needs memory that threads share');
    expect(error).toContain('Cross-Origin-Opener-Policy: same-origin');
  });
});
