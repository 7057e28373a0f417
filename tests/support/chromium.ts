/** A page in headless Chromium: one of the files here, bundled by Vite, which posts what it found to `/report`. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

/** Where the tests look for the browser. */
export const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  ...['--headless', '--no-sandbox', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--disable-quic'],
];
/** Without a GPU; without WebGL on software either; and WebGL on SwiftShader, a GPU made of software. */
export const NO_GPU = ['--disable-gpu'];
export const NO_WEBGL = [...NO_GPU, '--disable-software-rasterizer'];
export const SWIFTSHADER = ['--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'];
/** WebGPU on SwiftShader. */
export const WEBGPU_SWIFTSHADER = [
  ...['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'],
  ...['--enable-features=Vulkan', '--use-vulkan=swiftshader'],
];
/** What makes a page cross-origin isolated: only such a page has memory that threads share. */
export const ISOLATION = { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' };

/** The page's modules by file name, and its index.html if it has one. */
export type Bundle = ReadonlyMap<string, string>;

/** Whether there is a browser; with CI=true there must be one. */
export const hasChromium = existsSync(CHROMIUM) || process.env.CI === 'true';

/** `page` is a file beside this one. */
export async function bundle(page: string, minify = false): Promise<Bundle> {
  const built = await build({
    configFile: false,
    logLevel: 'silent',
    resolve: { conditions: ['tapegrad-source', 'browser'] },
    build: {
      write: false,
      minify,
      target: 'es2022',
      lib: { entry: fileURLToPath(new URL(page, import.meta.url)), formats: ['es'], fileName: 'page' },
    },
  });
  const [result] = Array.isArray(built) ? built : [built];
  if (result === undefined || !('output' in result)) throw new Error('vite built nothing');
  return new Map(result.output.flatMap((chunk) => (chunk.type === 'chunk' ? [[chunk.fileName, chunk.code]] : [])));
}

/** Runs the modules inside a module worker of the page, with the page's address. */
const IN_WORKER = `<script type="module">
  const worker = new Worker('/page.js' + location.search, { type: 'module' });
  worker.onerror = ({ message }) => fetch('/report', { method: 'POST', body: JSON.stringify({ error: 'worker: ' + message }) });
</script>`;

/** A server for the page, and what the page reports. */
function serve<Report>(
  files: Bundle,
  headers: Readonly<Record<string, string>>,
  inWorker: boolean,
): { readonly server: Server; readonly report: Promise<Report> } {
  let reported: (report: Report) => void;
  const report = new Promise<Report>((resolve) => {
    reported = resolve;
  });
  const script = inWorker ? IN_WORKER : '<script type="module" src="/page.js"></script>';
  const server = createServer((request, response) => {
    const file = new URL(request.url!, 'http://page').pathname.slice(1);
    if (request.url === '/report') {
      const parts: Buffer[] = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', () => {
        response.end();
        reported(JSON.parse(Buffer.concat(parts).toString()));
      });
    } else if (files.has(file)) {
      response.writeHead(200, { ...headers, 'Content-Type': 'text/javascript' }).end(files.get(file));
    } else {
      response
        .writeHead(200, { ...headers, 'Content-Type': 'text/html' })
        .end(files.get('index.html') ?? `<!doctype html>${script}`);
    }
  });
  return { server, report };
}

export interface Visit {
  /** What stands behind the `?` of the address. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  /** Whether the modules run in a worker and not on the page's own thread. */
  readonly inWorker?: boolean;
}

/** Opens the page and waits for its report. */
export async function visit<Report>(
  files: Bundle,
  { query = '', headers = {}, flags = NO_GPU, inWorker = false }: Visit,
): Promise<Report> {
  const profile = mkdtempSync(join(tmpdir(), 'tapegrad-chromium-'));
  const { server, report } = serve<Report>(files, headers, inWorker);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const args = [...FLAGS, ...flags, `--user-data-dir=${profile}`, `http://127.0.0.1:${port}/?${query}`];
  const browser = spawn(CHROMIUM, args, { stdio: 'ignore', detached: true });
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
