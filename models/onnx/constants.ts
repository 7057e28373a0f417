/** The numbers of a recorded network, under the names of its state dict, and batch norm folded into the convolution before it. */
import { type HostArray, type Shape, type State, type Tensor, tensor } from '../../core/index.ts';
import type { Module } from '../../nn/index.ts';
import type { Step } from './steps.ts';

export interface Constant {
  readonly name: string;
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** The values of every State and every host value that the steps read. */
export async function constantsOf(model: Module, steps: readonly Step[]): Promise<Map<Tensor, Constant>> {
  const names = new Map<State, string>(
    model
      .namedStates()
      .map(([name, state]) => [state, name] as const)
      .reverse(),
  );
  const leaves = [...new Set(steps.flatMap(({ inputs }) => inputs))].filter(({ source }) => source.kind !== 'op');
  const entries = leaves.map(async (leaf): Promise<[Tensor, Constant]> => {
    const { source, shape } = leaf;
    const name = source.kind === 'state' ? (names.get(source.state) ?? source.state.label) : 'constant';
    return [leaf, { name, shape, data: float32(source.kind === 'host' ? source.data : await leaf.data()) }];
  });
  return new Map(await Promise.all(entries));
}

function float32(data: HostArray): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data);
}

/**
 * The steps without the batch norms that follow a convolution:
 *
 *     s[o] = gamma[o] / sqrt(variance[o] + epsilon)        w'[o, ..] = w[o, ..] s[o]        b'[o] = (b[o] - mean[o]) s[o] + beta[o]
 *
 * computed in float64. A convolution that something else reads too, or whose weight another one shares, stays as it is, with its batch
 * norm. What takes the place of the weight and the bias joins `constants` under their names.
 */
export function foldBatchNorm(steps: readonly Step[], constants: Map<Tensor, Constant>, output: Tensor): Step[] {
  const readers = new Map<Tensor, number>([[output, 1]]);
  for (const { inputs } of steps) for (const input of inputs) readers.set(input, (readers.get(input) ?? 0) + 1);
  const convolutions = new Map(steps.filter(({ name }) => name === 'conv2d').map((step) => [step.output, step]));
  const folded = new Map<Step, Step>();
  const gone = new Set<Step>();
  for (const norm of steps) {
    const conv = norm.name === 'batchNorm' ? convolutions.get(norm.inputs[0]!) : undefined;
    if (conv === undefined || readers.get(conv.output) !== 1 || readers.get(conv.inputs[1]!) !== 1) continue;
    if (![...conv.inputs.slice(1), ...norm.inputs.slice(1)].every((input) => constants.has(input))) continue;
    folded.set(norm, foldInto(conv, norm, constants));
    gone.add(conv);
  }
  return steps.filter((step) => !gone.has(step)).map((step) => folded.get(step) ?? step);
}

function foldInto(conv: Step, norm: Step, constants: Map<Tensor, Constant>): Step {
  const [x, ...parameters] = conv.inputs;
  const [weight, bias] = parameters.map((each) => constants.get(each)!);
  const [gamma, beta, mean, variance] = norm.inputs.slice(1).map((each) => constants.get(each)!.data);
  const { epsilon } = norm.options as { readonly epsilon: number };
  const factors = Float64Array.from(gamma!, (value, o) => value / Math.sqrt(variance![o]! + epsilon));
  const perChannel = weight!.data.length / factors.length;
  const keep = (name: string, shape: Shape, data: Float32Array): Tensor => {
    const added = tensor(data, shape);
    constants.set(added, { name, shape, data });
    return added;
  };
  const scaled = weight!.data.map((value, at) => value * factors[Math.floor(at / perChannel)]!);
  const shift = Float32Array.from(factors, (factor, o) => ((bias?.data[o] ?? 0) - mean![o]!) * factor + beta![o]!);
  const biasName = bias?.name ?? weight!.name.replace(/(^|\.)[^.]*$/, '$1bias');
  const inputs = [x!, keep(weight!.name, weight!.shape, scaled), keep(biasName, [factors.length], shift)];
  return { ...conv, inputs, output: norm.output };
}
