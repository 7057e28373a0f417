/** What the benches time, in Node and in a page: one step of a built-in model on numbers that no kernel could take a short cut with. */
import { type Tensor, tensor } from '../core/index.ts';
import { modelTable } from '../models/browser.ts';
import { crossEntropy, type Module } from '../nn/index.ts';
import { SGD } from '../optim/index.ts';

export interface Timed {
  readonly model: Module;
  /** Everything: forward, loss, backward, update, and reading the loss back; or the forward pass in evaluation mode alone. */
  readonly step: () => Promise<void>;
}

export function trainingStep(name: string, batch: number, side: number, part: 'all' | 'forward' = 'all'): Timed {
  const model = modelTable.get(name)!.build({ classes: side === 32 ? 10 : 1000, seed: 0 });
  const optimizer = new SGD(model.parameters(), { learningRate: 0.01, momentum: 0.9, weightDecay: 1e-4 });
  if (part === 'forward') model.eval();
  const pixels = new Float32Array(batch * 3 * side * side).map((_, k) => Math.sin(12.9898 * k));
  const labels = Array.from({ length: batch }, (_, k) => k % 10);
  const step = async (): Promise<void> => {
    const logits = model.forward(tensor(pixels, [batch, 3, side, side]));
    if (part === 'forward') await logits.data();
    else await train(crossEntropy(logits, tensor(labels)), optimizer);
  };
  return { model, step };
}

async function train(loss: Tensor, optimizer: SGD): Promise<void> {
  optimizer.zeroGrad();
  loss.backward();
  optimizer.step();
  await loss.item();
}
