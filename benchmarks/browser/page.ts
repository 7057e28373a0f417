/** The page of the bench: asks which adapter there is, has rows measured one after the other, and shows them as they come. */
import { asLine, cellsOf } from './cells.ts';
import { type Outcome, type RowOrder, simdOrders, webgpuOrders } from './rows.ts';

/** What drives the page from outside finds here. */
export interface Bench {
  readonly machine: Machine;
  readonly orders: { readonly simd: readonly RowOrder[]; readonly webgpu: readonly RowOrder[] };
  readonly measure: (order: RowOrder) => Promise<Outcome>;
}

interface Machine {
  readonly cores: number;
  /** Name of the graphics adapter; undefined where there is none. */
  readonly adapter?: string;
  readonly software: boolean;
}

declare global {
  interface Window {
    bench?: Bench;
  }
}

async function look(): Promise<Machine> {
  const cores = navigator.hardwareConcurrency;
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) return { cores, software: false };
  const { vendor, architecture, device, description } = adapter.info;
  const name = [vendor, architecture, device, description].filter((part) => part !== '').join(' ') || 'without a name';
  return { cores, adapter: name, software: adapter.info.isFallbackAdapter || /swiftshader|llvmpipe/i.test(name) };
}

/** A row that takes longer has failed: a page is not to hang on one. */
const TIMEOUT_MS = 90_000;

/** In a worker that ends with the row. */
function measure(order: RowOrder): Promise<Outcome> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  const outcome = new Promise<Outcome>((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<Outcome>) => resolve(data);
    worker.onerror = ({ message }) => resolve({ failure: message || 'the worker could not be loaded' });
    setTimeout(() => resolve({ failure: `took more than ${TIMEOUT_MS / 1000} s` }), TIMEOUT_MS);
    worker.postMessage(order);
  });
  return outcome.finally(() => worker.terminate());
}

const element = <Kind extends HTMLElement>(id: string): Kind => document.getElementById(id) as Kind;

function rowOf(order: RowOrder, texts: readonly string[], state: string): HTMLTableRowElement {
  const row = document.createElement('tr');
  row.className = `${order.framework === 'tapegrad' ? 'own' : ''} ${state}`;
  texts.forEach((text, k) => {
    const cell = row.insertCell();
    cell.textContent = text;
    if (k > 2) cell.className = state === 'failed' ? 'failed' : 'number';
  });
  if (state === 'failed') row.cells[3]!.colSpan = 4;
  return row;
}

async function measureAll({ orders }: Bench): Promise<void> {
  const start = element<HTMLButtonElement>('start');
  const table = element('rows');
  start.disabled = true;
  table.replaceChildren();
  element('lines').textContent = '';
  const chosen = (['simd', 'webgpu'] as const).filter((name) => element<HTMLInputElement>(name).checked);
  const done: { order: RowOrder; outcome: Outcome }[] = [];
  for (const order of chosen.flatMap((name) => orders[name])) {
    const waiting = rowOf(order, [order.title, order.framework, order.device, 'measuring…'], 'running');
    table.append(waiting);
    done.push({ order, outcome: await measure(order) });
    const { order: last, outcome } = done.at(-1)!;
    waiting.replaceWith(rowOf(last, cellsOf(last, outcome, done), 'failure' in outcome ? 'failed' : ''));
    element('lines').textContent += `${asLine(last, outcome)}\n`;
    console.log(asLine(last, outcome));
  }
  start.disabled = false;
}

async function open(): Promise<void> {
  const machine = await look();
  const webgpu = machine.adapter === undefined ? [] : webgpuOrders(machine.software);
  const bench: Bench = { machine, orders: { simd: simdOrders(machine.cores), webgpu }, measure };
  const adapter =
    machine.adapter === undefined
      ? 'no WebGPU adapter, so its rows are left out'
      : `WebGPU adapter: ${machine.adapter}${machine.software ? ', which is software: these numbers say nothing about a GPU' : ''}`;
  const isolated = crossOriginIsolated ? '' : '; this page is not cross-origin isolated, so simd cannot run';
  element('machine').textContent = `${machine.cores} threads; ${adapter}${isolated}.`;
  const start = element<HTMLButtonElement>('start');
  start.onclick = () => void measureAll(bench);
  start.disabled = false;
  window.bench = bench;
}

void open();
