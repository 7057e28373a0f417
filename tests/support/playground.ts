/** The built playground in headless Chromium, and a visitor who uses it as a person would. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { build } from 'vite';
import { CHROMIUM, ISOLATION, SWIFTSHADER, WEBGPU_SWIFTSHADER } from './chromium.ts';

const CONFIG = fileURLToPath(new URL('../../web/vite.config.ts', import.meta.url));
const TYPES: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' };

/** Small enough for a GPU that is a program, large enough to learn. */
export const SMALL = { depth: 8, width: 4, batchSize: 16, learningRate: 0.01, seed: 3 };

interface Host {
  readonly address: string;
  close(): void;
}

/** Any host of static files: with the headers that isolate a page, or without. */
async function serve(directory: string, isolated: boolean): Promise<Host> {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url!, 'http://localhost').pathname);
    const file = join(directory, path === '/' ? 'index.html' : path);
    try {
      const body = readFileSync(file);
      const type = TYPES[extname(file)] ?? 'application/octet-stream';
      response.writeHead(200, { ...(isolated && ISOLATION), 'Content-Type': type }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { address: `http://127.0.0.1:${port}/`, close };
}

/** Whether the browser has GPUs, made of software. */
export function launch(gpu = true): Promise<Browser> {
  const flags = gpu ? [...SWIFTSHADER, ...WEBGPU_SWIFTSHADER] : ['--disable-gpu'];
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', ...flags] });
}

/** The playground as `npm run web:build` builds it, on two hosts, with a browser. */
export class Playground {
  private constructor(
    /** For what a test leaves behind. */
    readonly folder: string,
    readonly browser: Browser,
    private readonly isolated: Host,
    private readonly bare: Host,
  ) {}

  static async start(gpu = true): Promise<Playground> {
    const folder = mkdtempSync(join(tmpdir(), 'tapegrad-playground-'));
    const site = join(folder, 'site');
    await build({ configFile: CONFIG, logLevel: 'silent', build: { outDir: site, emptyOutDir: true } });
    return new Playground(folder, await launch(gpu), await serve(site, true), await serve(site, false));
  }

  /** Opens a fresh page; `isolation` says which host. */
  async visit({ isolation = true, ...options }: BrowserContextOptions & { readonly isolation?: boolean } = {}): Promise<Visitor> {
    const context = await this.browser.newContext({ acceptDownloads: true, ...options });
    const page = await context.newPage();
    const visitor = new Visitor(page, this.folder);
    await page.goto((isolation ? this.isolated : this.bare).address);
    return visitor;
  }

  /** Closes every page: one that trains on would take the cores from those that come. */
  async closePages(): Promise<void> {
    for (const context of this.browser.contexts()) await context.close();
  }

  async stop(): Promise<void> {
    await this.browser.close();
    this.isolated.close();
    this.bare.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class Visitor {
  /** What the page threw, and what its console called an error. */
  readonly problems: string[] = [];

  constructor(
    readonly page: Page,
    private readonly folder: string,
  ) {
    page.setDefaultTimeout(240_000); // WebGL2 on a CPU compiles for half a minute
    page.on('pageerror', (error) => this.problems.push(String(error)));
    page.on('console', (message) => {
      if (message.type() === 'error') this.problems.push(message.text());
    });
  }

  /** Fills fields of the form. */
  async choose(fields: Readonly<Record<string, string | number>>): Promise<void> {
    for (const [name, value] of Object.entries(fields)) {
      const field = this.page.locator(`#settings [name="${name}"]`);
      if ((await field.evaluate(({ tagName }) => tagName)) === 'SELECT') await field.selectOption(String(value));
      else {
        await field.fill(String(value));
        await field.blur();
      }
    }
  }

  press(name: 'go' | 'pause' | 'step' | 'stop' | 'save' | 'load'): Promise<void> {
    return this.page.locator(`#settings [name="${name}"]`).click();
  }

  async phase(phase: string): Promise<void> {
    await this.page.waitForFunction((wanted) => document.body.dataset.phase === wanted, phase);
  }

  async step(step: number): Promise<void> {
    await this.page.waitForFunction(
      (wanted) => Number.parseInt(document.querySelector('[data-fact="step"] dd')?.textContent ?? '0', 10) >= wanted,
      step,
    );
  }

  /** Waits for a mean loss below this. */
  async lossBelow(most: number): Promise<void> {
    await this.page.waitForFunction(
      (wanted) => Number(document.querySelector('[data-fact="loss"] dd')?.textContent ?? wanted) < wanted,
      most,
    );
  }

  /** A number of those that the page shows of its run. */
  fact(name: string): Promise<string> {
    return this.page.locator(`#facts [data-fact="${name}"] dd`).innerText();
  }

  /** What the page says went wrong. */
  alert(): Promise<string> {
    return this.page.locator('#alert:not([hidden])').innerText();
  }

  /** Presses Save; gives the file. */
  async save(): Promise<string> {
    const [download] = await Promise.all([this.page.waitForEvent('download'), this.press('save')]);
    const file = join(this.folder, download.suggestedFilename());
    await download.saveAs(file);
    return file;
  }

  /** Gives the page a file made of these bytes by dropping it. */
  async drop(name: string, bytes: Uint8Array, type = ''): Promise<void> {
    const transfer = await this.page.evaluateHandle(
      ({ name, content, type }) => {
        const data = new DataTransfer();
        const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
        data.items.add(new File([bytes], name, { type }));
        return data;
      },
      { name, content: Buffer.from(bytes).toString('base64'), type },
    );
    await this.page.dispatchEvent('main', 'drop', { dataTransfer: transfer });
  }
}
