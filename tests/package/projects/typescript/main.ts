/** Names every entry, so that the compiler reads all declarations, and trains a network of its own with types written out. */
import type { NdArray } from 'ndarray';
import * as core from 'tapegrad';
import * as data from 'tapegrad/data';
import * as models from 'tapegrad/models';
import * as nn from 'tapegrad/nn';
import * as optim from 'tapegrad/optim';
import * as testing from 'tapegrad/testing';
import * as arbitraries from 'tapegrad/testing/arbitraries';
import * as training from 'tapegrad/training';

class Small extends nn.Module {
  readonly conv = new nn.Conv2d(3, 4, { kernelSize: 3, padding: 1 });
  readonly linear = new nn.Linear(4, 10);

  override forward(images: core.Tensor): core.Tensor {
    return this.linear.forward(core.mean(core.relu(this.conv.forward(images)), [2, 3]));
  }
}

async function trainTwoSteps(device: core.DeviceName): Promise<number[]> {
  await core.useDevice(device);
  const model = new Small();
  const optimizer = new optim.SGD(model.parameters(), { learningRate: 0.05 });
  const losses: number[] = [];
  for await (const { images, labels } of new data.DataLoader(data.synthetic({ count: 8 }), { batchSize: 4 })) {
    const loss = nn.crossEntropy(model.forward(images), labels);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    losses.push(await loss.item());
  }
  return losses;
}

/** Never called: that each is a mistake shows that the types are there, and not `any`. */
export async function mistakes(): Promise<void> {
  // @ts-expect-error
  const text: string = await core.tensor([1]).item();
  // @ts-expect-error
  new optim.SGD([], { learningRates: 0.1 });
  // @ts-expect-error
  await core.useDevice(text);
}

const values: NdArray = await core.tensor([1, 2, 3]).ndarray();
const entries = [core, data, models, nn, optim, testing, arbitraries, training].map((entry) => Object.keys(entry).length);
console.log(JSON.stringify({ losses: await trainTwoSteps('simd'), shape: values.shape, entries }));
