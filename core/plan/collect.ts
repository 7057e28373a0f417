/**
 * What a flush has to run: everything reachable from its reads and from the last value of each State it assigns.
 */
import type { HostArray } from '../host.ts';
import type { State } from '../state.ts';
import type { Tensor } from '../tensor.ts';
import type { Batch } from './flush.ts';

export interface Recording {
  /** Ascending by id, so inputs come first. Leaves of versions made in this flush are not among them. */
  readonly nodes: readonly Tensor[];
  readonly reads: readonly Tensor[];
  readonly writes: readonly { readonly state: State; readonly value: Tensor }[];
  /** States read or written, each once. */
  readonly states: readonly State[];
  /** Looks through leaves of versions that this flush makes itself, to the tensor they are made of; until `beginBatch`. */
  resolve(tensor: Tensor): Tensor;
}

/** Walks the batch. Throws when it reads a State that was lost. */
export function collect(batch: Batch): Recording {
  const resolve = (tensor: Tensor): Tensor => {
    let node = tensor;
    while (node.source.kind === 'state' && node.source.version > node.source.state.stored) {
      node = node.source.state.pending.get(node.source.version)!.value;
    }
    return node;
  };
  const reads = [...batch.reads.keys()];
  const writes = [...batch.states].map((state) => ({ state, value: lastAssignment(state, batch) }));
  const nodes = reachable([...reads, ...writes.map((write) => write.value)], resolve);
  const states = new Set<State>();
  for (const { source } of nodes) if (source.kind === 'state') states.add(source.state);
  for (const { state } of writes) states.add(state);
  return { nodes, reads, writes, states: [...states], resolve };
}

function lastAssignment(state: State, batch: Batch): Tensor {
  let last = -1;
  for (const [version, assignment] of state.pending) if (assignment.batch === batch.number) last = Math.max(last, version);
  return state.pending.get(last)!.value;
}

function reachable(roots: readonly Tensor[], resolve: (tensor: Tensor) => Tensor): Tensor[] {
  const found = new Set<Tensor>();
  const stack = roots.map(resolve);
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (found.has(node)) continue;
    found.add(node);
    const { source } = node;
    if (source.kind === 'state' && source.state.lost !== undefined) throw source.state.lostError();
    if (source.kind === 'op') for (const input of source.inputs) stack.push(resolve(input));
  }
  return [...found].sort((a, b) => a.id - b.id);
}

/** The host arrays to hand to the device: tensors made from host values, and kept values of spent tensors. */
export function feedsOf(recording: Recording): HostArray[] {
  const feeds: HostArray[] = [];
  for (const { source, value } of recording.nodes) {
    if (source.kind === 'host') feeds.push(source.data);
    else if (source.kind === 'spent') feeds.push(value!);
  }
  return feeds;
}
