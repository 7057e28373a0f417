/**
 * The threads of the webasm driver. They keep the process alive only while a plan runs; the calling thread never computes, so that
 * timers, signals and data loading go on.
 */
import type { Worker } from 'node:worker_threads';
import type { LaunchModule } from './webasm-compile.ts';
import { WORKER_SOURCE } from './webasm-worker.ts';

/** What a thread answers when a plan has run: times by launch from the first thread, or the launch that failed. */
interface Answer {
  readonly times?: Float64Array;
  readonly failed?: number;
  readonly message?: string;
}

/** A launch that trapped, by its place in the plan. */
export class LaunchError extends Error {
  override readonly name = 'LaunchError';

  constructor(
    readonly launch: number,
    message: string,
  ) {
    super(message);
  }
}

/** Memory is posted to the threads, so it must be shared. */
export interface PoolPlan {
  readonly memory: WebAssembly.Memory;
  readonly launches: readonly LaunchModule[];
}

export class WorkerPool {
  private readonly workers: Worker[];
  private nextPlan = 0;
  private broken: Error | undefined;
  private readonly generations = new Map<number, number>();
  private readonly plans = new Map<number, PoolPlan>();

  private constructor(
    start: typeof Worker,
    readonly threads: number,
  ) {
    this.workers = Array.from({ length: threads }, (_, index) => {
      const worker = new start(WORKER_SOURCE, { eval: true, workerData: { index, threads }, execArgv: [] });
      worker.unref();
      worker.on('error', (error) => this.breakDown(error instanceof Error ? error : new Error(String(error))));
      worker.on('exit', (code) => this.breakDown(new Error(`a thread ended with code ${code}`)));
      return worker;
    });
  }

  static async start(threads: number): Promise<WorkerPool> {
    const { Worker } = await import('node:worker_threads');
    return new WorkerPool(Worker, threads);
  }

  private waiting: ((error: Error) => void) | undefined;

  private breakDown(error: Error): void {
    this.broken ??= error;
    this.waiting?.(error);
  }

  /** Hands a plan to every thread; the number names it from now on. */
  prepare(plan: PoolPlan): number {
    const id = this.nextPlan++;
    this.plans.set(id, plan);
    this.generations.set(id, 0);
    for (const worker of this.workers) worker.postMessage({ kind: 'prepare', id, memory: plan.memory, launches: plan.launches });
    return id;
  }

  /** Milliseconds by launch. Rejects with a LaunchError when one trapped, or with the reason why a thread is gone. */
  async run(id: number): Promise<Float64Array> {
    if (this.broken !== undefined) throw this.broken;
    const plan = this.plans.get(id)!;
    const generation = this.generations.get(id)!;
    this.generations.set(id, generation + plan.launches.length);
    const answers = await this.ask({ kind: 'run', id, generation });
    const failure = answers.find((answer) => answer.failed !== undefined);
    if (failure === undefined) return answers[0]!.times!;
    this.restart(id);
    throw new LaunchError(failure.failed!, failure.message ?? 'it failed');
  }

  private async ask(message: unknown): Promise<Answer[]> {
    for (const worker of this.workers) worker.ref();
    try {
      return await new Promise<Answer[]>((resolve, reject) => {
        this.waiting = reject;
        Promise.all(this.workers.map((worker) => new Promise<Answer>((answer) => worker.once('message', answer)))).then(
          resolve,
          reject,
        );
        for (const worker of this.workers) worker.postMessage(message);
      });
    } finally {
      this.waiting = undefined;
      for (const worker of this.workers) worker.unref();
    }
  }

  /** After a failure the threads stopped at different launches: the barrier begins anew. */
  private restart(id: number): void {
    new Int32Array(this.plans.get(id)!.memory.buffer, 0, 4).fill(0);
    this.generations.set(id, 0);
  }

  release(id: number): void {
    this.plans.delete(id);
    this.generations.delete(id);
    for (const worker of this.workers) worker.postMessage({ kind: 'release', id });
  }

  destroy(): void {
    for (const worker of this.workers) {
      worker.removeAllListeners('exit');
      void worker.terminate();
    }
  }
}
