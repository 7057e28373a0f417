/**
 * The threads that read pictures. They are started when there is something to do, and keep the process alive only while they are at it.
 * Decoding itself runs in Node's own pool of four threads, which all of them share: for more than four, set UV_THREADPOOL_SIZE.
 */
import { Worker } from 'node:worker_threads';
import ndarray from 'ndarray';
import type { Image } from '../dataset.ts';
import { DataError, PictureError } from '../error.ts';
import type { PictureRequest } from './picture.ts';
import type { PictureRule } from './rule.ts';
import { firstLine, loadSharp } from './sharp.ts';
import type { FromWorker, ToWorker } from './worker.ts';

interface Waiting {
  readonly file: string;
  readonly resolve: (image: Image) => void;
  readonly reject: (error: Error) => void;
}

/** The compiled package runs as it is. Sources run by way of tsx, which has to be registered in every thread: it inherits none. */
function startWorker(): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url), { execArgv: [] });
  const [tsx, worker] = [import.meta.resolve('tsx/esm/api'), new URL('./worker.ts', import.meta.url).href];
  const source = `import(${JSON.stringify(tsx)}).then(({ register }) => { register(); return import(${JSON.stringify(worker)}); })`;
  return new Worker(source, { eval: true, execArgv: [] });
}

export class PictureThreads {
  private readonly threads = new Set<Thread>();
  private closed = false;

  constructor(private readonly count: number) {}

  /** Which thread takes it makes no difference to the pixels. */
  async read(request: PictureRequest, rule: PictureRule): Promise<Image> {
    await loadSharp(); // here too: its libraries must outlive the threads
    if (this.closed) throw new DataError(`the image folder was closed; it can read ${request.file} no more`);
    return this.threadFor(request.file).read(request, rule);
  }

  /** Lets every thread finish the picture it is at. Pictures still waiting are refused. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.all([...this.threads].map((thread) => thread.close()));
  }

  /** The one that has just decoded this file, else an idle one, else a new one, else the least busy. */
  private threadFor(file: string): Thread {
    const threads = [...this.threads].sort((a, b) => a.load - b.load);
    const same = threads.find(({ lastFile }) => lastFile === file);
    if (same !== undefined) return same;
    const least = threads[0];
    if (least !== undefined && (least.load === 0 || threads.length >= this.count)) return least;
    const thread = new Thread(() => this.threads.delete(thread));
    this.threads.add(thread);
    return thread;
  }
}

class Thread {
  lastFile = '';
  private readonly worker: Worker;
  private readonly waiting = new Map<number, Waiting>();
  private rule: PictureRule | undefined;
  private closing = false;
  private readonly ended: Promise<void>;
  private nextId = 0;

  /** One that ends is forgotten, so that the next picture gets a new one. */
  constructor(forget: () => unknown) {
    this.worker = startWorker();
    this.worker.on('message', (answer: FromWorker) => this.settle(answer));
    this.ended = new Promise((resolve) => {
      const end = (reason: string): void => {
        forget();
        this.refuseAll((file) => new DataError(`the thread that was to read ${file} ended: ${reason}`));
        resolve();
      };
      this.worker.once('error', (error) => end(firstLine(error)));
      this.worker.once('exit', (code) => end(`exit code ${code}`));
    });
    this.worker.unref(); // only now: listening to messages holds it
  }

  get load(): number {
    return this.waiting.size;
  }

  /** A rule may hold a mean image, so it is sent only where it is another one than before. */
  read(request: PictureRequest, rule: PictureRule): Promise<Image> {
    if (this.rule !== rule) this.post({ kind: 'rule', rule });
    this.rule = rule;
    this.lastFile = request.file;
    const id = this.nextId++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { file: request.file, resolve, reject });
      this.worker.ref();
      this.post({ kind: 'read', id, request });
    });
  }

  /** Not `terminate`: ending a thread inside a decoder can end the process. */
  close(): Promise<void> {
    this.closing = true;
    this.refuseAll((file) => new DataError(`the image folder was closed before ${file} was read`));
    this.worker.ref();
    this.post({ kind: 'end' });
    return this.ended;
  }

  private settle(answer: FromWorker): void {
    const waiting = this.waiting.get(answer.id);
    this.waiting.delete(answer.id);
    if (this.load === 0 && !this.closing) this.worker.unref();
    if (waiting === undefined) return;
    if (answer.kind === 'image') waiting.resolve(ndarray(answer.data, answer.shape));
    else waiting.reject(answer.unreadable ? new PictureError(waiting.file, answer.reason) : new DataError(answer.reason));
  }

  private refuseAll(why: (file: string) => DataError): void {
    for (const { file, reject } of this.waiting.values()) reject(why(file));
    this.waiting.clear();
  }

  private post(message: ToWorker): void {
    this.worker.postMessage(message);
  }
}
