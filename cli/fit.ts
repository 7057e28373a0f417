/** Which batch size would have fitted: found by recording and compiling smaller steps, none of which runs. */
import { gradient, memoryFor, tensor } from '../core/index.ts';
import { crossEntropy, type Module } from '../nn/index.ts';

/** What tables of launches and the threads' own memory may take besides. */
const SPARE_BYTES = 2 ** 26;
/** Tried again with so much less where the estimate by a straight line was too high. */
const SHRINK = 0.97;

/** The largest batch of pictures [3, side, side] below `tooLarge` whose training step fits; undefined where not even one picture does. */
export async function fittingBatch(model: Module, side: number, tooLarge: number): Promise<number | undefined> {
  const parameters = model.parameters();
  const momentum = 4 * parameters.reduce((sum, { size }) => sum + size, 0);
  const need = async (batch: number): Promise<{ bytes: number; limit: number }> => {
    const logits = model.forward(tensor(new Float32Array(batch * 3 * side * side), [batch, 3, side, side]));
    const loss = crossEntropy(logits, tensor(new Float32Array(batch)));
    const known = await memoryFor([loss, ...gradient(loss, parameters)]);
    return known === undefined ? { bytes: 0, limit: 0 } : { bytes: known.bytes + momentum + SPARE_BYTES, limit: known.limit };
  };
  const [one, all] = [await need(1), await need(tooLarge)];
  const perImage = (all.bytes - one.bytes) / (tooLarge - 1);
  let batch = Math.min(tooLarge - 1, 1 + Math.floor((one.limit - one.bytes) / perImage));
  while (batch >= 1) {
    const { bytes, limit } = await need(batch);
    if (bytes <= limit) return batch;
    batch = Math.floor(batch * SHRINK);
  }
  return undefined;
}
