/** The bench's page in headless Chromium, printed to the terminal, and Node's simd beside it. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright-core';
import type { StepRow } from '../step.ts';
import { asLine, cellsOf, type Done, imagesPerSecond } from './cells.ts';
import type { Outcome, RowOrder } from './rows.ts';

const FLAGS = ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader', '--ignore-gpu-blocklist'];
const WEBGPU_FLAGS = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/** Node and the browser in alternation, so often each: both see the same minutes of a machine that others may use too. */
const TURNS = 3;
const STEPS = 20;
const WIDTHS = [52, 14, 8, 13, 16, 17, 16];
const TITLES = ['', 'framework', 'device', 'milliseconds', 'images/s', 'by tapegrad', 'until submitted'];

export async function drive(address: string, json: boolean): Promise<void> {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [...FLAGS, ...WEBGPU_FLAGS],
  });
  try {
    const page = await browser.newPage();
    await page.goto(address);
    await page.waitForFunction(() => window.bench !== undefined);
    const { machine, orders } = await page.evaluate(() => ({ machine: window.bench!.machine, orders: window.bench!.orders }));
    if (!json) console.log(`${machine.cores} threads; WebGPU adapter: ${machine.adapter ?? 'none'}\n\n${line(TITLES)}`);
    const done: Done[] = [];
    for (const order of [...orders.simd, ...orders.webgpu]) {
      const beside = order.device === 'simd' ? await withNode(page, order) : undefined;
      const outcome = beside?.outcome ?? (await measure(page, order));
      done.push({ order, outcome });
      console.log(json ? asLine(order, outcome) : line(cellsOf(order, outcome, done)));
      if (beside !== undefined) printNode(order, beside, json);
    }
  } finally {
    await browser.close();
  }
}

const measure = (page: Page, order: RowOrder): Promise<Outcome> => page.evaluate((asked) => window.bench!.measure(asked), order);

interface Beside {
  readonly outcome: Outcome;
  readonly node: number;
}

/** The best turn of each. */
async function withNode(page: Page, order: RowOrder): Promise<Beside> {
  const [node, outcomes]: [number[], Outcome[]] = [[], []];
  for (let turn = 0; turn < TURNS; turn++) {
    node.push(inNode(order));
    outcomes.push(await measure(page, order));
  }
  const time = (outcome: Outcome): number => ('failure' in outcome ? Number.POSITIVE_INFINITY : outcome.milliseconds);
  return { outcome: outcomes.reduce((best, each) => (time(each) < time(best) ? each : best)), node: Math.min(...node) };
}

/** Milliseconds of the same step in Node. */
function inNode({ work, threads }: RowOrder): number {
  const script = fileURLToPath(new URL('../step.ts', import.meta.url));
  const args = ['--conditions=tapegrad-source', '--import', 'tsx', script, 'resnet20', work.batch, work.side, threads, STEPS];
  const row: StepRow = JSON.parse(execFileSync(process.execPath, args.map(String), { encoding: 'utf8' }));
  return row.milliseconds;
}

/** The browser's images a second as a share of Node's. */
function printNode(order: RowOrder, { outcome, node }: Beside, json: boolean): void {
  const share = 'failure' in outcome ? undefined : node / outcome.milliseconds;
  if (json) {
    console.log(JSON.stringify({ title: order.title, framework: 'tapegrad', device: 'simd in Node', milliseconds: node, share }));
    return;
  }
  const cells = ['  the same in Node', 'tapegrad', 'simd', node.toFixed(1), imagesPerSecond(order, node).toFixed(1)];
  console.log(`${line(cells)}${share === undefined ? '' : `   the browser has ${share.toFixed(2)} of Node's images/s`}`);
}

function line(cells: readonly string[]): string {
  const failed = cells.length === 4 && cells[3]!.startsWith('did not run');
  return cells
    .map((cell, k) => (k < 3 || failed ? cell.padEnd(WIDTHS[k]!) : cell.padStart(WIDTHS[k]!)))
    .join(' ')
    .trimEnd();
}
