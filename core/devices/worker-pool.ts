/**
 * Threads that answer messages. They keep the process alive only while one is being answered, so a script that ends exits by itself;
 * the calling thread never computes, so that timers, signals and data loading go on.
 */
import type { Worker } from 'node:worker_threads';

export class WorkerPool<Answer> {
  private readonly workers: Worker[];
  private broken: Error | undefined;
  private waiting: ((error: Error) => void) | undefined;

  private constructor(start: typeof Worker, source: string, data: readonly object[]) {
    this.workers = data.map((workerData) => {
      const worker = new start(source, { eval: true, workerData, execArgv: [] });
      worker.unref();
      worker.on('error', (error) => this.breakDown(error instanceof Error ? error : new Error(String(error))));
      worker.on('exit', (code) => this.breakDown(new Error(`a thread ended with code ${code}`)));
      return worker;
    });
  }

  /** A thread for each entry of `data`, which it finds as `workerData`. `source` is CommonJS: it runs alike from sources and builds. */
  static async start<Answer>(source: string, data: readonly object[]): Promise<WorkerPool<Answer>> {
    const { Worker } = await import('node:worker_threads');
    return new WorkerPool<Answer>(Worker, source, data);
  }

  get threads(): number {
    return this.workers.length;
  }

  private breakDown(error: Error): void {
    this.broken ??= error;
    this.waiting?.(error);
  }

  /** Tells every thread something that needs no answer. */
  tell(message: object): void {
    for (const worker of this.workers) worker.postMessage(message);
  }

  /** Every thread's answer. Rejects with the reason when a thread is gone. */
  async ask(message: object): Promise<Answer[]> {
    if (this.broken !== undefined) throw this.broken;
    for (const worker of this.workers) worker.ref();
    try {
      return await new Promise<Answer[]>((resolve, reject) => {
        this.waiting = reject;
        const answers = this.workers.map((worker) => new Promise<Answer>((answer) => worker.once('message', answer)));
        Promise.all(answers).then(resolve, reject);
        this.tell(message);
      });
    } finally {
      this.waiting = undefined;
      for (const worker of this.workers) worker.unref();
    }
  }

  destroy(): void {
    for (const worker of this.workers) {
      worker.removeAllListeners('exit');
      void worker.terminate();
    }
  }
}

/** How many threads to start: as asked, else a thread a core; `device` is for the message. */
export async function threadCount(device: string, asked: number | undefined): Promise<number> {
  if (typeof process === 'undefined' || typeof SharedArrayBuffer === 'undefined')
    throw new Error(
      `useDevice: ${device} needs the threads and shared memory of Node, which this runtime lacks; use cpu or reference`,
    );
  const { availableParallelism } = await import('node:os');
  const count = asked ?? availableParallelism();
  if (Number.isInteger(count) && count >= 1) return Math.min(count, MAX_THREADS);
  throw new Error(`useDevice: ${count} threads given; it needs to be a whole number of at least 1`);
}

const MAX_THREADS = 16;
