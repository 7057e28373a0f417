import { add, div, minimum, mul, type State, sqrt, square, sum, type Tensor } from '../core/index.ts';

/**
 * Scales all gradients alike so that their joint length is at most `maxNorm`, and returns the length before (Pascanu et al.,
 * arXiv:1211.5063, sec. 3.2):
 *
 *     norm = sqrt(sum of all g^2)        g = g * min(1, maxNorm / (norm + 1e-6))
 *
 * as PyTorch's clip_grad_norm_. Between `backward()` and `step()`; ask for the norm in the same tick as `step()`.
 */
export function clipGradNorm(parameters: readonly State[], maxNorm: number): Tensor {
  if (!(maxNorm > 0)) throw new RangeError(`clipGradNorm: maxNorm ${maxNorm} given; it needs to be above 0`);
  const gradients = parameters.flatMap(({ grad }) => (grad === undefined ? [] : [grad]));
  if (gradients.length === 0) throw new Error('clipGradNorm: no parameter has a gradient; call loss.backward() first');
  const squares = gradients.map((gradient) => sum(square(gradient.read()))); // []
  const norm = sqrt(squares.reduce(add));
  const coefficient = minimum(div(maxNorm, add(norm, 1e-6)), 1);
  for (const gradient of gradients) gradient.assign(mul(gradient.read(), coefficient));
  return norm;
}
