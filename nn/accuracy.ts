import { ShapeError, type Tensor } from '../core/index.ts';

/**
 * The share of images whose label is among the k largest logits, from 0 to 1. Logits [n, classes], labels [n].
 * Call it in the tick in which the logits were recorded; like `data()` it asks at once, and its promise may be awaited later. Of
 * equal logits the smaller class comes first; NaN logits are never right. Rejects with a ShapeError for other shapes.
 */
export async function accuracy(logits: Tensor, labels: Tensor, k = 1): Promise<number> {
  const [count, classes] = logits.shape;
  if (logits.shape.length !== 2 || labels.size !== count)
    throw new ShapeError('accuracy', 'logits need shape [n, classes] and labels [n]', [logits.shape, labels.shape]);
  const [scores, wanted] = await Promise.all([logits.data(), labels.data()]);
  let right = 0;
  for (let image = 0; image < count!; image++) {
    const row = scores.subarray(image * classes!, (image + 1) * classes!);
    if (rank(row, wanted[image]!) < k) right += 1;
  }
  return right / count!;
}

/**
 * How many classes come before `label` in the order of the scores, 0 where it is the largest: of equal ones the smaller class
 * comes first; a NaN comes last.
 */
export function rank(scores: ArrayLike<number>, label: number): number {
  const own = scores[label]!;
  let before = 0;
  for (let other = 0; other < scores.length; other++) {
    if (other !== label && !(scores[other]! < own || (scores[other] === own && other > label))) before += 1;
  }
  return before;
}
