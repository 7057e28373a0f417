/** resnet20 forward on onnxruntime-node, one thread or two. Usage: onnxruntime.mjs BATCH STEPS THREADS */
import ort from 'onnxruntime-node';
import { imageCount, median, report, SIDE, values } from './network.mjs';
import { resnet20Onnx } from './onnxModel.mjs';

const [batch, steps, threads] = process.argv.slice(2).map(Number);
const session = await ort.InferenceSession.create(resnet20Onnx(batch), { intraOpNumThreads: threads, interOpNumThreads: 1 });
const images = new ort.Tensor('float32', values(imageCount(batch)), [batch, 3, SIDE, SIDE]);
const times = [];
for (let k = 0; k < steps + 2; k++) {
  const started = performance.now();
  await session.run({ images });
  if (k > 1) times.push(performance.now() - started);
}
report(batch, median(times));
