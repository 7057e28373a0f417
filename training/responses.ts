/** How strong the signal is in each layer: the paper's analysis of layer responses (arXiv:1512.03385, sec. 4.2, fig. 7). */
import { batchNorm, crossEntropy, gradient, sqrt, type Tensor, variance, withLabel } from '../core/index.ts';
import { BatchNorm2d, loadRandomState, type Module, randomState } from '../nn/index.ts';

/** The response of a layer is what leaves its batch norm, before the relu or the addition of the shortcut. */
export interface LayerResponse {
  /** The path of its batch norm, such as layer1.0.bn1. */
  readonly name: string;
  /** Its place in the order of the forward pass, from 1 on. */
  readonly depth: number;
  /** Standard deviation of all numbers in the response. */
  readonly std: number;
  /** Of the loss's gradient by the response. */
  readonly gradientStd: number;
}

/**
 * The responses of one batch, normalised by its own mean and variance as in training, in one flush. Projections in shortcuts are no
 * layers of the figure. The model, its running statistics, gradients and generators are left as they are.
 */
export async function layerResponses(model: Module, images: Tensor, labels: Tensor): Promise<LayerResponse[]> {
  const { logits, caught } = forwardCatching(model, images);
  const gradients = gradient(
    crossEntropy(logits, labels),
    caught.map(({ response }) => response),
  );
  return Promise.all(
    caught.map(async ({ name, response }, k) => {
      const [std, gradientStd] = await Promise.all([deviation(response), deviation(gradients[k]!)]);
      return { name, depth: k + 1, std, gradientStd };
    }),
  );
}

const deviation = (x: Tensor): Promise<number> => sqrt(variance(x)).item();

interface Caught {
  readonly name: string;
  readonly response: Tensor;
}

/** Runs the model with batch norms that show what they give and do not follow it with their running statistics. */
function forwardCatching(model: Module, images: Tensor): { logits: Tensor; caught: Caught[] } {
  const caught: Caught[] = [];
  const random = randomState(model);
  const restores = [() => loadRandomState(model, random)];
  for (const [module, name] of model.namedModules()) {
    if (!(module instanceof BatchNorm2d)) continue;
    const { forward } = module;
    restores.push(() => {
      module.forward = forward;
    });
    module.forward = (x) => {
      const response = normalisedByBatch(module, x);
      if (!isInShortcut(name)) caught.push({ name, response });
      return response;
    };
  }
  try {
    return { logits: model.forward(images), caught };
  } finally {
    for (const restore of restores) restore();
  }
}

const isInShortcut = (path: string): boolean => path.split('.').includes('downsample');

function normalisedByBatch({ weight, bias, epsilon, path }: BatchNorm2d, x: Tensor): Tensor {
  return withLabel(path, () => batchNorm(x, weight.read(), bias.read(), { epsilon }).output);
}
