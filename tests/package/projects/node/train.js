import { useDevice } from 'tapegrad';
import { DataLoader, synthetic } from 'tapegrad/data';
import { cifarResnet } from 'tapegrad/models';
import { crossEntropy } from 'tapegrad/nn';
import { SGD } from 'tapegrad/optim';

/** The losses of two steps on the device. */
export async function trainTwoSteps(device) {
  await useDevice(device);
  const model = cifarResnet({ depth: 8, width: 4, seed: 0 });
  const optimizer = new SGD(model.parameters(), { learningRate: 0.05, momentum: 0.9 });
  const losses = [];
  for await (const { images, labels } of new DataLoader(synthetic({ count: 8 }), { batchSize: 4 })) {
    const loss = crossEntropy(model.forward(images), labels);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  return losses;
}
