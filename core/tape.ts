/**
 * The tape played backwards. There is no list anywhere: the tape of a loss is what is reachable from it, and ascending ids are the
 * order in which it was recorded.
 *
 *     dy of the loss = 1;  for each node, latest first:  dy of each input += (gradient of the op by that input)(dy)
 *
 * Gradients are recorded like anything else, so they run on every device and can be differentiated again.
 */
import { withLabel } from './debug.ts';
import type { GradientRule } from './op.ts';
import { add, mul, ones, zeros } from './ops/pointwise/pointwise.ts';
import { sum } from './ops/reduce/sum.ts';
import { reshape } from './ops/reshape/reshape.ts';
import { checkCurrent, requestBackward, staleError } from './plan/flush.ts';
import { formatShape, ShapeError, sameShape } from './shape.ts';
import { State } from './state.ts';
import type { Tensor } from './tensor.ts';

/**
 * The gradients of a scalar by each of `wrt` (tensors it was computed from, or States in their latest version), in their order and
 * shapes; zeros where the loss does not depend on one. Throws for a loss that is not a scalar, and for one that an earlier flush
 * has made stale.
 */
export function gradient(loss: Tensor, wrt: readonly (Tensor | State)[]): Tensor[] {
  if (loss.size !== 1)
    throw new ShapeError(
      'gradient',
      `the loss has shape ${formatShape(loss.shape)}; reduce it to one value first, with mean() or sum()`,
      [loss.shape],
    );
  checkCurrent(loss);
  const targets = wrt.map((target) => (target instanceof State ? target.read() : target));
  const nodes = tapeOf(loss);
  const needed = dependents(nodes, targets);
  const dy = new Map<Tensor, Tensor>([[loss, ones(loss.shape)]]);
  for (const node of nodes.reverse()) {
    const own = dy.get(node);
    if (own !== undefined && needed.has(node)) passBack(node, own, needed, dy);
  }
  return targets.map((target) => dy.get(target) ?? zeros(target.shape));
}

/**
 * Adds the gradient of a scalar to `.grad` of every trainable State below it, computed at the end of the tick. Throws for a loss
 * that is not a scalar, that depends on no trainable State, or that an earlier flush has made stale.
 */
export function backward(loss: Tensor): void {
  checkCurrent(loss);
  const leaves = trainableLeaves(loss);
  if (leaves.length === 0)
    throw new Error(`backward: ${loss.describe()} does not depend on any trainable State; build it from a model's parameters`);
  const gradients = gradient(
    loss,
    leaves.map((leaf) => leaf.tensor),
  );
  leaves.forEach(({ state }, k) => state.accumulateGradient(gradients[k]!, add));
  requestBackward(loss);
}

function trainableLeaves(loss: Tensor): { tensor: Tensor; state: State }[] {
  const nodes = tapeOf(loss);
  for (const node of nodes) if (node.source.kind === 'spent') throw staleError(node, node.source.overwritten);
  return nodes.flatMap((tensor) =>
    tensor.source.kind === 'state' && tensor.source.state.trainable ? [{ tensor, state: tensor.source.state }] : [],
  );
}

/** Everything reachable from the loss, in the order of recording. */
export function tapeOf(loss: Tensor): Tensor[] {
  const found = new Set<Tensor>([loss]);
  for (const { source } of found) {
    if (source.kind === 'op') for (const input of source.inputs) found.add(input);
  }
  return [...found].sort((a, b) => a.id - b.id);
}

/** The nodes through which a change of a target reaches the loss. A node that has dropped its inputs would hide one: it throws. */
function dependents(nodes: readonly Tensor[], targets: readonly Tensor[]): Set<Tensor> {
  const needed = new Set<Tensor>(targets);
  for (const node of nodes) {
    const { source } = node;
    if (source.kind === 'spent') throw staleError(node, source.overwritten);
    if (source.kind === 'op' && source.inputs.some((input) => needed.has(input))) needed.add(node);
  }
  return needed;
}

function passBack(node: Tensor, dy: Tensor, needed: ReadonlySet<Tensor>, into: Map<Tensor, Tensor>): void {
  const { source } = node;
  if (source.kind !== 'op') return;
  const { op, inputs, options } = source;
  if (!inputs.some((input) => needed.has(input))) return;
  const rules = op.gradient({ inputs, output: node, dy, options });
  inputs.forEach((input, k) => {
    const rule = rules[k];
    if (!rule || !needed.has(input)) return;
    const name = `${op.name} gradient of ${op.inputs[Math.min(k, op.inputs.length - 1)]}`;
    const part = withLabel(node.label === '' ? name : `${node.label} / ${name}`, rule);
    if (!sameShape(part.shape, input.shape)) {
      throw new ShapeError(
        name,
        `shape ${formatShape(part.shape)} was given, but the input has ${formatShape(input.shape)}; sum over the axes that were broadcast`,
        [part.shape, input.shape],
      );
    }
    const sofar = into.get(input);
    into.set(input, sofar === undefined ? part : add(sofar, part));
  });
}

/**
 * Gradient rules of an op that is given once more as a formula in other ops: the partial derivative by each input, the others held
 * still. The formula sees each input under a fresh alias, so that one input's way into another does not count.
 */
export function gradientsOf(formula: (...inputs: Tensor[]) => Tensor, inputs: readonly Tensor[], dy: Tensor): GradientRule[] {
  return inputs.map((_, k) => () => {
    const aliases = inputs.map((input) => reshape(input, input.shape));
    return gradient(sum(mul(formula(...aliases), dy)), [aliases[k]!])[0]!;
  });
}

/** The tape of a tensor as text, a line a node: `%7 = conv2d(%3, %5) [8, 16, 32, 32]  layer1.0.conv1`. */
export function describe(tensor: Tensor): string {
  const nodes = tapeOf(tensor);
  const number = new Map(nodes.map((node, k) => [node, k]));
  const lines = nodes.map((node, k) => {
    const { source, shape, label } = node;
    const options = source.kind === 'op' && Object.keys(source.options).length > 0 ? ` ${JSON.stringify(source.options)}` : '';
    const what =
      source.kind === 'op'
        ? `${source.op.name}(${source.inputs.map((input) => `%${number.get(input)}`).join(', ')})${options}`
        : source.kind === 'state'
          ? `state ${source.state.label} @${source.version}`
          : source.kind;
    return `%${k} = ${what} ${formatShape(shape)}${label === '' ? '' : `  ${label}`}`;
  });
  return lines.join('\n');
}
