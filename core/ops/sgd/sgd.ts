/**
 * The update of stochastic gradient descent as element-wise rows, one pass over memory each:
 *
 *     v1 = momentum v + (1 - dampening) (g + weightDecay w)        sgdMomentum
 *     d  = (g + weightDecay w) + momentum v1                       sgdNesterov; without Nesterov d = v1
 *     w1 = w - learningRate d                                      sgdStep
 *
 * The gradients are those of linear formulas: each input's factor times dy.
 *
 * The order of operations is that of torch.optim.SGD. PyTorch rounds to float32 after each operation, except where its vector
 * kernels fuse a multiplication with an addition. Here the last bit can differ from it where a device computes the whole formula in
 * float64 and rounds once (gpu.js on cpu; reference never rounds), and where a GPU fuses them at other places.
 */
import { type Op, type OpOptions, record } from '../../op.ts';
import { formatShape, ShapeError, sameShape } from '../../shape.ts';
import { asTensor, type Tensor, type TensorLike } from '../../tensor.ts';
import { neg, scale } from '../pointwise/arithmetic.ts';
import { call, constant, type Expression } from '../pointwise/expression.ts';
import { mul, type NoOptions, pointwise } from '../pointwise/pointwise.ts';

type NesterovOptions = { readonly momentum: number; readonly weightDecay: number };
type MomentumOptions = NesterovOptions & { readonly dampening: number };

/** g + weightDecay w. Without decay there is no weight to read: the ops leave that input out. */
function decayed(gradient: Expression, weight: Expression, weightDecay: number): Expression {
  return weightDecay === 0 ? gradient : call('add', gradient, call('multiply', constant(weightDecay), weight));
}

const momentumOp: Op<MomentumOptions> = pointwise<MomentumOptions>({
  name: 'sgdMomentum',
  inputs: ['velocity', 'gradient', 'weight'],
  formula: ([velocity, gradient, weight], { momentum, weightDecay, dampening }) =>
    call(
      'add',
      call('multiply', constant(momentum), velocity!),
      call('multiply', constant(1 - dampening), decayed(gradient!, weight!, weightDecay)),
    ),
  gradient: (_, dy, __, { momentum, weightDecay, dampening }) => [
    () => scale(dy, momentum),
    () => scale(dy, 1 - dampening),
    () => scale(dy, (1 - dampening) * weightDecay),
  ],
});

const nesterovOp: Op<NesterovOptions> = pointwise<NesterovOptions>({
  name: 'sgdNesterov',
  inputs: ['velocity', 'gradient', 'weight'],
  formula: ([velocity, gradient, weight], { momentum, weightDecay }) =>
    call('add', decayed(gradient!, weight!, weightDecay), call('multiply', constant(momentum), velocity!)),
  gradient: (_, dy, __, { momentum, weightDecay }) => [() => scale(dy, momentum), () => dy, () => scale(dy, weightDecay)],
});

const stepOp: Op<NoOptions> = pointwise<NoOptions>({
  name: 'sgdStep',
  inputs: ['weight', 'direction', 'learningRate'],
  formula: ([weight, direction, learningRate]) => call('subtract', weight!, call('multiply', learningRate!, direction!)),
  gradient: ([, direction, learningRate], dy) => [() => dy, () => neg(mul(dy, learningRate!)), () => neg(mul(dy, direction!))],
});

/** Options of `sgdMomentum` and `sgdNesterov`. */
export interface SgdOptions {
  /** The share of the old velocity in the new one. */
  readonly momentum: number;
  /** lambda of the L2 penalty lambda / 2 * |weight|^2; 0 by default. */
  readonly weightDecay?: number;
}

/**
 * The new velocity, momentum * velocity + (1 - dampening) * (gradient + weightDecay * weight), of three tensors of one shape.
 * At the first step PyTorch takes gradient + weightDecay * weight alone: give a velocity of zeros and no dampening.
 * Throws a ShapeError when shapes differ or an option is not finite.
 */
export function sgdMomentum(
  velocity: Tensor,
  gradient: Tensor,
  weight: Tensor,
  { momentum, weightDecay = 0, dampening = 0 }: SgdOptions & { readonly dampening?: number },
): Tensor {
  return update(momentumOp, { velocity, gradient, weight }, { momentum, weightDecay, dampening });
}

/** Nesterov's direction, (gradient + weightDecay * weight) + momentum * velocity with the new velocity. Throws as sgdMomentum. */
export function sgdNesterov(
  velocity: Tensor,
  gradient: Tensor,
  weight: Tensor,
  { momentum, weightDecay = 0 }: SgdOptions,
): Tensor {
  return update(nesterovOp, { velocity, gradient, weight }, { momentum, weightDecay });
}

/**
 * The new weight, weight - learningRate * direction, of two tensors of one shape and a scalar that is a feed: another rate runs the
 * same plan. Throws a ShapeError when shapes differ or the rate is not a scalar.
 */
export function sgdStep(weight: Tensor, direction: Tensor, learningRate: TensorLike): Tensor {
  checkShapes('sgdStep', { weight, direction });
  const rate = asTensor(learningRate);
  if (rate.shape.length > 0)
    throw new ShapeError('sgdStep', `learningRate needs to be a scalar, but it has shape ${formatShape(rate.shape)}`, [
      rate.shape,
    ]);
  return record(stepOp, [weight, direction, rate], {});
}

type Update = { readonly velocity: Tensor; readonly gradient: Tensor; readonly weight: Tensor };

function update<Options extends OpOptions & NesterovOptions>(op: Op<Options>, tensors: Update, options: Options): Tensor {
  checkShapes(op.name, tensors);
  for (const [name, value] of Object.entries(options)) {
    if (!Number.isFinite(value)) throw new ShapeError(op.name, `${name} ${value} given; it needs to be a finite number`);
  }
  const { velocity, gradient, weight } = tensors;
  return record(op, options.weightDecay === 0 ? [velocity, gradient] : [velocity, gradient, weight], options);
}

function checkShapes(op: string, tensors: Readonly<Record<string, Tensor>>): void {
  const all = Object.values(tensors);
  if (all.every(({ shape }) => sameShape(shape, all[0]!.shape))) return;
  const given = Object.entries(tensors).map(([name, { shape }]) => `${name} ${formatShape(shape)}`);
  throw new ShapeError(
    op,
    `${Object.keys(tensors).join(', ')} need the same shape (${given.join(', ')})`,
    all.map(({ shape }) => shape),
  );
}
