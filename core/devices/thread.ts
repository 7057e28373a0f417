/**
 * One thread, alike in Node and in browsers. What it runs is plain JavaScript text, so that it starts alike from sources, from a build and
 * under a test runner. The text finds three names: `data`, what the thread was started with; `listen(handle)`, which hears messages; and
 * `answer(value)`, which sends one back.
 */
import { isNode } from './gpu/optional-package.ts';

export interface Thread {
  post(message: object): void;
  /** Keeps the process alive, until `letGo`: a script that has nothing more to do ends by itself. */
  hold(): void;
  letGo(): void;
  end(): void;
}

export interface ThreadEvents {
  answer(value: unknown): void;
  /** The thread is gone. */
  fail(error: Error): void;
}

export type StartThread = (source: string, data: object, events: ThreadEvents) => Thread;

/** Whether threads can be started here that share memory with the caller. */
export function canShareMemory(): boolean {
  return typeof SharedArrayBuffer !== 'undefined' && (isNode() || typeof Worker !== 'undefined');
}

/** What is said where threads are asked for and can share no memory. */
export function notShared(device: string, remedy: string): Error {
  const who = globalThis.crossOriginIsolated
    ? 'which this browser gives to no page'
    : 'which a page has only when it is cross-origin isolated (headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp)';
  return new Error(`useDevice: ${device} needs memory that threads share, ${who}; ${remedy}`);
}

/** How threads are started here, and how many there are where nobody asks for a number. */
interface ThreadStarter {
  readonly start: StartThread;
  readonly usual: number;
}

/** Throws a sentence where there are no threads, or where they could share no memory. */
export async function threadStarter(device: string): Promise<ThreadStarter> {
  if (typeof SharedArrayBuffer === 'undefined') throw notShared(device, 'use simd, which then computes on one thread, or cpu');
  if (isNode()) return nodeStarter();
  if (typeof Worker !== 'undefined') return { start: startInBrowser, usual: navigator.hardwareConcurrency };
  throw new Error(`useDevice: ${device} needs threads, which this runtime lacks; use cpu or reference`);
}

const NODE_PROLOGUE = `
const { parentPort, workerData: data } = require('node:worker_threads');
const answer = (value) => parentPort.postMessage(value);
const listen = (handle) => parentPort.on('message', handle);
`;

async function nodeStarter(): Promise<ThreadStarter> {
  const [{ Worker: NodeWorker }, { availableParallelism }] = await Promise.all([
    import('node:worker_threads'),
    import('node:os'),
  ]);
  const start: StartThread = (source, data, events) => {
    const worker = new NodeWorker(NODE_PROLOGUE + source, { eval: true, workerData: data, execArgv: [] });
    worker.on('message', (value) => events.answer(value));
    worker.on('error', (error) => events.fail(error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', (code) => events.fail(new Error(`a thread ended with code ${code}`)));
    worker.unref(); // only now: listening to messages holds it
    return {
      post: (message) => worker.postMessage(message),
      hold: () => worker.ref(),
      letGo: () => worker.unref(),
      end: () => {
        worker.removeAllListeners('exit');
        void worker.terminate();
      },
    };
  };
  return { start, usual: threadsOfEnvironment() ?? availableParallelism() };
}

/** For machines that compute other things as well: a thread that waits for its turn lets all others wait, in every step of a plan. */
function threadsOfEnvironment(): number | undefined {
  const text = process.env.TAPEGRAD_THREADS;
  if (text === undefined || text === '') return undefined;
  if (!/^[1-9]\d*$/.test(text))
    throw new Error(`the variable TAPEGRAD_THREADS is ${JSON.stringify(text)}; it needs to be a whole number of at least 1`);
  return Number(text);
}

/** The first message is the thread's data. */
const browserSource = (source: string): string => `
onmessage = ({ data }) => {
  const answer = (value) => postMessage(value);
  const listen = (handle) => { onmessage = (event) => handle(event.data); };
  ${source}
};
`;

const startInBrowser: StartThread = (source, data, events) => {
  const url = URL.createObjectURL(new Blob([browserSource(source)], { type: 'text/javascript' }));
  const worker = new Worker(url);
  worker.onmessage = ({ data: value }) => events.answer(value);
  worker.onerror = ({ message }) => events.fail(new Error(message));
  worker.postMessage(data);
  // A page lives as long as its tab: there is nothing to keep alive.
  const nothing = (): void => undefined;
  return {
    post: (message) => worker.postMessage(message),
    hold: nothing,
    letGo: nothing,
    end: () => {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
  };
};
