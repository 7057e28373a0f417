/**
 * Threads that answer messages. They keep the process alive only while one is being answered, so a script that ends exits by itself;
 * the calling thread does not compute, so that timers, signals and data loading go on.
 */

import { type StartThread, type Thread, threadStarter } from './thread.ts';
import { startInPlace } from './thread-in-place.ts';

export class WorkerPool<Answer> {
  private readonly workers: Thread[];
  private broken: Error | undefined;
  private failed: ((error: Error) => void) | undefined;
  /** What takes each thread's next answer. */
  private readonly waiting: ((answer: Answer) => void)[] = [];

  private constructor(start: StartThread, source: string, data: readonly object[]) {
    this.workers = data.map((each, k) =>
      start(source, each, {
        answer: (value) => this.waiting[k]?.(value as Answer),
        fail: (error) => this.breakDown(error),
      }),
    );
  }

  /** A thread for each entry of `data`; what `source` finds there is in thread.ts. */
  static async start<Answer>(device: string, source: string, data: readonly object[]): Promise<WorkerPool<Answer>> {
    const { start } = await threadStarter(device);
    return new WorkerPool<Answer>(start, source, data);
  }

  /** The one exception: the calling thread itself, where it alone can see the memory. */
  static inPlace<Answer>(source: string, data: object): WorkerPool<Answer> {
    return new WorkerPool<Answer>(startInPlace, source, [data]);
  }

  get threads(): number {
    return this.workers.length;
  }

  private breakDown(error: Error): void {
    this.broken ??= error;
    this.failed?.(error);
  }

  /** Tells every thread something that needs no answer. */
  tell(message: object): void {
    for (const worker of this.workers) worker.post(message);
  }

  /** Every thread's answer. Rejects with the reason when a thread is gone. */
  async ask(message: object): Promise<Answer[]> {
    if (this.broken !== undefined) throw this.broken;
    for (const worker of this.workers) worker.hold();
    try {
      return await new Promise<Answer[]>((resolve, reject) => {
        this.failed = reject;
        const answers = this.workers.map(
          (_, k) =>
            new Promise<Answer>((answer) => {
              this.waiting[k] = answer;
            }),
        );
        Promise.all(answers).then(resolve, reject);
        this.tell(message);
      });
    } finally {
      this.failed = undefined;
      for (const worker of this.workers) worker.letGo();
    }
  }

  destroy(): void {
    for (const worker of this.workers) worker.end();
  }
}

/** How many threads to start: as asked, else a thread a core; `device` is for the message. */
export async function threadCount(device: string, asked: number | undefined): Promise<number> {
  const { usual } = await threadStarter(device);
  return Math.min(checkCount(asked ?? usual), MAX_THREADS);
}

/** Throws a sentence where `count` is not a number of threads. */
export function checkCount(count: number): number {
  if (Number.isInteger(count) && count >= 1) return count;
  throw new Error(`useDevice: ${count} threads given; it needs to be a whole number of at least 1`);
}

const MAX_THREADS = 16;
