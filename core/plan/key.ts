/**
 * The structure of a recording as a string: two recordings with the same key run the same plan. Values do not enter it (feeds), nor
 * which States are meant (they are numbered by first use), but labels do, since a plan prints them.
 */
import type { Op } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import type { Recording } from './collect.ts';

export function structureKey(recording: Recording): string {
  const number = new Map<Tensor, number>();
  recording.nodes.forEach((node, k) => number.set(node, k));
  const index = (tensor: Tensor): number => number.get(recording.resolve(tensor))!;
  const states = new Map(recording.states.map((state, k) => [state, k]));
  const nodes = recording.nodes.map(({ source, shape, label }) => {
    if (source.kind === 'op')
      return `${source.op.name}#${numberOf(source.op)}${optionsKey(source.options)}(${source.inputs.map(index)})${label}`;
    if (source.kind === 'state') return `state ${states.get(source.state)} ${source.state.label}[${shape}]`;
    return `feed[${shape}]`;
  });
  const writes = recording.writes.map(({ state, value }) => `${states.get(state)} ${state.label}<-${index(value)}`);
  return `${nodes.join(';')}|${recording.reads.map(index)}|${writes.join(';')}`;
}

const opNumbers = new WeakMap<Op, number>();
let ops = 0;

/** Names do not tell ops apart: users choose their own, and define an op anew when they have mended it. */
function numberOf(op: Op): number {
  let number = opNumbers.get(op);
  if (number === undefined) {
    number = ops++;
    opNumbers.set(op, number);
  }
  return number;
}

const optionKeys = new WeakMap<object, string>();

function optionsKey(options: object): string {
  let key = optionKeys.get(options);
  if (key === undefined) {
    key = JSON.stringify(options);
    optionKeys.set(options, key);
  }
  return key;
}
