/** A run of very many steps, made of one of a few. */
import { decodeRun, encodeRun } from '../../training/browser.ts';

/** The 1,600 built-in shapes in batches of 16. */
const STEPS_OF_AN_EPOCH = 100;
const MOST_EPOCHS = 1000;

/** The tar of a saved run as if it had come to the end of so many epochs; its losses are invented. */
export function lengthened(archive: Uint8Array, epochs: number): Uint8Array {
  const { checkpoint, ...run } = decodeRun(archive, 'short.tar');
  const { progress } = checkpoint;
  const lines: object[] = [];
  for (let step = 1; step <= epochs * STEPS_OF_AN_EPOCH; step++) {
    const epoch = Math.ceil(step / STEPS_OF_AN_EPOCH);
    const error = 0.1 + (0.8 / epoch) * (1 + 0.1 * Math.sin(step));
    const record = { step, epoch, learningRate: 0.01, error, imagesPerSecond: 1000 };
    lines.push({ kind: 'step', loss: 2 * error, ...record });
    const [heldOut, sums] = [
      { split: 'test', loss: 2 * error, error },
      { trainLoss: 2 * error, trainError: error, seconds: 1 },
    ];
    if (step % STEPS_OF_AN_EPOCH === 0) lines.push({ kind: 'epoch', ...record, ...sums, heldOut });
  }
  const metrics = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  const step = epochs * STEPS_OF_AN_EPOCH;
  const place = { step, epoch: epochs, batch: 0, optimizerSteps: step, metricsBytes: metrics.length };
  const sums = { loss: 0, correct: 0, images: 0, seconds: 0 };
  const moved = { ...checkpoint, progress: { ...progress, ...place, sums } };
  return encodeRun({ ...run, settings: { ...run.settings, epochs: MOST_EPOCHS }, checkpoint: moved, metrics, name: 'long' });
}
