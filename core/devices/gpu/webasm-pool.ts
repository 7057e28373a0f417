/** The plans of the webasm driver on its threads: handing them over, running them, beginning anew after a failure. */
import { WorkerPool } from '../worker-pool.ts';
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

export class LaunchPool {
  private nextPlan = 0;
  private readonly generations = new Map<number, number>();
  private readonly plans = new Map<number, PoolPlan>();

  private constructor(private readonly pool: WorkerPool<Answer>) {}

  static async start(threads: number): Promise<LaunchPool> {
    const data = Array.from({ length: threads }, (_, index) => ({ index, threads }));
    return new LaunchPool(await WorkerPool.start<Answer>('webasm', WORKER_SOURCE, data));
  }

  get threads(): number {
    return this.pool.threads;
  }

  /** Hands a plan to every thread; the number names it from now on. */
  prepare(plan: PoolPlan): number {
    const id = this.nextPlan++;
    this.plans.set(id, plan);
    this.generations.set(id, 0);
    this.pool.tell({ kind: 'prepare', id, memory: plan.memory, launches: plan.launches });
    return id;
  }

  /** Milliseconds by launch. Rejects with a LaunchError when one trapped, or with the reason why a thread is gone. */
  async run(id: number): Promise<Float64Array> {
    const plan = this.plans.get(id)!;
    const generation = this.generations.get(id)!;
    this.generations.set(id, generation + plan.launches.length);
    const answers = await this.pool.ask({ kind: 'run', id, generation });
    const failure = answers.find((answer) => answer.failed !== undefined);
    if (failure === undefined) return answers[0]!.times!;
    this.restart(id);
    throw new LaunchError(failure.failed!, failure.message ?? 'it failed');
  }

  /** After a failure the threads stopped at different launches: the barrier begins anew. */
  private restart(id: number): void {
    new Int32Array(this.plans.get(id)!.memory.buffer, 0, 4).fill(0);
    this.generations.set(id, 0);
  }

  release(id: number): void {
    this.plans.delete(id);
    this.generations.delete(id);
    this.pool.tell({ kind: 'release', id });
  }

  destroy(): void {
    this.pool.destroy();
  }
}
