/**
 * When things run. Requests (reads, assignments, backward, step) gather in the open batch; a microtask at the end of the tick closes
 * it, and closed batches run one after another, each as one plan.
 *
 * A request goes into the last batch in which every State version it reads still exists. So what is asked after `step()` in the same
 * tick rides along with the step, and what reads a version that a running flush overwrites is refused.
 */
import { debug } from '../debug.ts';
import type { HostArray } from '../host.ts';
import type { State } from '../state.ts';
import type { Tensor } from '../tensor.ts';
import { runBatch } from './run.ts';

export interface Batch {
  readonly number: number;
  /** Tensors whose value was asked for, and losses whose backward() was called; both keep their value. */
  readonly reads: Map<Tensor, Deferred<HostArray>[]>;
  readonly states: Set<State>;
  readonly waiting: Deferred<void>[];
  /** False while it holds nothing but assignments that ride along. */
  wanted: boolean;
  /** Whether somebody learns of a failure: a reader, or a step() that was awaited. */
  observed: boolean;
}

export interface Deferred<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

let open = newBatch(0);
const closed: Batch[] = [];
/** Everything that uses the device passes here, one after another. */
let gate: Promise<void> = Promise.resolve();
let scheduled = false;
/** Changes whenever the answer of `limitOf` may: a batch closed or began to run. */
let epoch = 0;
/** Counts the synchronous runs between awaits in which something was assigned. */
let tick = 0;
let tickEnds = false;
const assignedAt = new WeakMap<State, number>();
let pendingFailure: Error | undefined;

function newBatch(number: number): Batch {
  return { number, reads: new Map(), states: new Set(), waiting: [], wanted: false, observed: false };
}

/** Asks for a tensor's value: from the flush at the end of this tick, or at once where it is known. */
export function requestRead(tensor: Tensor): Promise<HostArray> {
  if (tensor.value !== undefined) return Promise.resolve(tensor.value);
  if (tensor.source.kind === 'host') return Promise.resolve(tensor.source.data);
  const batch = batchFor(limitOf(tensor));
  return new Promise((resolve, reject) => {
    batch.reads.set(tensor, [...(batch.reads.get(tensor) ?? []), { resolve, reject }]);
    batch.observed = true;
    want(batch);
  });
}

/** Makes the next version of a State out of `value`. It runs with the next flush, and starts none. */
export function requestAssign(state: State, value: Tensor): void {
  throwPendingFailure();
  limitOf(value);
  if (state.pending.get(state.version)?.batch === open.number && assignedAt.get(state) !== currentTick()) {
    want(open);
    close();
  }
  const batch = batchFor(limitOf(value));
  const previous = state.pending.get(state.version)?.batch ?? batch.number;
  if (previous > batch.number) throw staleError(value, state.label);
  if (batch !== open && laterBatches(batch).some((later) => readsState(later, state))) throw lateAssignment(state);
  state.version += 1;
  state.pending.set(state.version, { value, batch: batch.number });
  batch.states.add(state);
  assignedAt.set(state, currentTick());
  if (batch !== open) epoch++;
}

/** backward(): the loss keeps its value, and the gradients are computed at the end of the tick. */
export function requestBackward(loss: Tensor): void {
  const batch = batchFor(limitOf(loss));
  if (!batch.reads.has(loss)) batch.reads.set(loss, []);
  want(open);
}

/** step(): closes the plan being recorded. The promise settles when it has run; nobody needs to await it. */
export function requestStep(): Promise<void> {
  const batch = open;
  const done = new StepPromise<void>((resolve, reject) => batch.waiting.push({ resolve, reject }));
  done.onObserved = () => {
    batch.observed = true;
  };
  Promise.prototype.then.call(done, undefined, () => undefined); // never an unhandled rejection
  want(batch);
  close();
  return done;
}

/** Throws the stale error if anything below `tensor` has been overwritten. */
export function checkCurrent(tensor: Tensor): void {
  limitOf(tensor);
}

/** A failed flush that nobody awaited speaks up at the next recording call. */
export function throwPendingFailure(): void {
  if (pendingFailure === undefined) return;
  const failure = pendingFailure;
  pendingFailure = undefined;
  throw failure;
}

/** Runs `task` when no flush is running, and lets none begin before it has ended. */
export function exclusively<T>(task: () => Promise<T>): Promise<T> {
  const result = gate.then(task);
  gate = result.then(
    () => undefined,
    () => undefined,
  );
  return result;
}

/** Called by the runner when a batch begins: its States now count as overwritten. */
export function beginBatch(batch: Batch): void {
  epoch++;
  for (const state of batch.states) {
    for (const [version, assignment] of state.pending) {
      if (assignment.batch !== batch.number) continue;
      state.stored = Math.max(state.stored, version);
      state.pending.delete(version);
    }
  }
}

/** Called by the runner when a batch has failed. */
export function reportFailure(batch: Batch, error: Error): void {
  if (!batch.observed) pendingFailure = error;
  debug(1, () => `flush ${batch.number} failed: ${error.message}`);
}

/** A promise that knows whether anybody listens. */
class StepPromise<T> extends Promise<T> {
  onObserved: (() => void) | undefined;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // biome-ignore lint/suspicious/noThenProperty: overridden to learn that the step is awaited
  override then<A = T, B = never>(
    onFulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.onObserved?.();
    return super.then(onFulfilled, onRejected);
  }
}

function want(batch: Batch): void {
  batch.wanted = true;
  if (scheduled) return;
  scheduled = true;
  queueMicrotask(() => {
    scheduled = false;
    if (open.wanted) close();
    void exclusively(drain);
  });
}

function close(): void {
  closed.push(open);
  open = newBatch(open.number + 1);
  epoch++;
}

async function drain(): Promise<void> {
  while (closed.length > 0) await runBatch(() => closed.shift()!);
}

function laterBatches({ number }: Batch): Batch[] {
  return [...closed, open].filter((batch) => batch.number > number);
}

/** Whether a batch needs the latest version of a State, which an assignment in an earlier batch would take from it. */
function readsState({ reads, states, number }: Batch, state: State): boolean {
  const stack = [...reads.keys()];
  for (const { pending } of states) for (const { value, batch } of pending.values()) if (batch === number) stack.push(value);
  const seen = new Set(stack);
  for (const { source } of seen) {
    if (source.kind === 'state' && source.state === state) return true;
    if (source.kind === 'op') for (const input of source.inputs) seen.add(input);
  }
  return false;
}

function batchFor(limit: number): Batch {
  return closed.find((batch) => batch.number === limit) ?? open;
}

function currentTick(): number {
  if (!tickEnds) {
    tickEnds = true;
    queueMicrotask(() => {
      tickEnds = false;
      tick++;
    });
  }
  return tick;
}

/**
 * The number of the last batch that can still compute `tensor`: the first one that overwrites a State version it reads, or Infinity.
 * Throws when that batch has begun to run. Each node remembers its answer, so one walk serves all requests of a tick.
 */
function limitOf(tensor: Tensor): number {
  const stack = [tensor];
  while (stack.length > 0) {
    const node = stack[stack.length - 1]!;
    const { source } = node;
    if (node.reach?.epoch === epoch) {
      stack.pop();
    } else if (source.kind !== 'op') {
      node.reach = { epoch, batch: leafLimit(node, tensor) };
      stack.pop();
    } else {
      const unknown = source.inputs.filter((input) => input.reach?.epoch !== epoch);
      if (unknown.length > 0) {
        stack.push(...unknown);
        continue;
      }
      node.reach = {
        epoch,
        batch: source.inputs.reduce((least, input) => Math.min(least, input.reach!.batch), Number.POSITIVE_INFINITY),
      };
      stack.pop();
    }
  }
  return tensor.reach!.batch;
}

function leafLimit({ source, value }: Tensor, asked: Tensor): number {
  if (source.kind === 'spent' && value === undefined) throw staleError(asked, source.overwritten);
  if (source.kind !== 'state') return Number.POSITIVE_INFINITY;
  const { state, version } = source;
  if (version < state.stored) throw staleError(asked, state.label);
  return state.pending.get(version + 1)?.batch ?? Number.POSITIVE_INFINITY;
}

function lateAssignment({ label }: State): Error {
  return new Error(
    `assign: the new value of ${label} was recorded before the last step(), and what was recorded since reads the value that step() gives it; assign before step(), or compute the value from ${label} again`,
  );
}

export function staleError(asked: Tensor, overwritten: string): Error {
  const name = asked.describe();
  return new Error(
    `${name} was recorded before a step that has since run and overwritten ${overwritten}; ask for it (data(), item(), backward()) in the same tick as step(), before the first await (its promise may be awaited later)`,
  );
}
