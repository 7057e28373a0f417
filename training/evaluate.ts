/**
 * Evaluation as the paper tests (arXiv:1512.03385, sec. 3.4 and 4.1): top-1 and top-5 error of one view of each picture, of ten crops, or
 * of several scales, by one network or by several together. Several opinions of one picture are averaged as probabilities.
 */
import type { HostArray } from '../core/index.ts';
import type { Batch } from '../data/index.ts';
import { evaluationMode, type Module, rank } from '../nn/index.ts';

/** How well networks answer. */
export interface Evaluation {
  /** Mean of -log p[label]. */
  readonly loss: number;
  /** The share of pictures whose label has the largest probability, from 0 to 1. */
  readonly top1: number;
  /** The share of pictures whose label is among the five largest, from 0 to 1. */
  readonly top5: number;
  /** Pictures that were evaluated, each once whatever its views. */
  readonly count: number;
  /** confusion[label][prediction] counts images. */
  readonly confusion: readonly (readonly number[])[];
  /** Pictures over the whole time, the waiting for data included. */
  readonly imagesPerSecond: number;
}

/** Options of `evaluate`. */
export interface EvaluationOptions {
  /** How many classes there are. */
  readonly classes: number;
  /** Consecutive images of a pass that show the same picture; 1 by default. */
  readonly viewsPerImage?: number;
  /** Ends the evaluation between two batches: it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called after each batch of the first pass. */
  readonly onBatch?: (
    batches: number,
    sofar: { readonly count: number; readonly top1: number; readonly imagesPerSecond: number },
  ) => void;
}

/**
 * Evaluates the mean of all models over all passes (sequences of batches over the same images, such as one for each scale) and views.
 * Batch norm uses its running statistics; the models get their mode back. Counts are exact, whatever the batch size divides.
 */
export async function evaluate(
  models: readonly Module[],
  passes: readonly AsyncIterable<Batch>[],
  { classes, viewsPerImage = 1, signal, onBatch }: EvaluationOptions,
): Promise<Evaluation> {
  const restores = models.map(evaluationMode);
  const opinions = passes.length * viewsPerImage;
  const scores = new Scores(classes, opinions, models.length);
  const started = performance.now();
  try {
    let batches = 0;
    for await (const group of together(passes)) {
      signal?.throwIfAborted();
      for (const batch of group) await addBatch(scores, models, batch, viewsPerImage);
      onBatch?.(++batches, {
        count: scores.count,
        top1: scores.top1 / scores.count,
        imagesPerSecond: rate(scores.count, started),
      });
    }
  } finally {
    for (const restore of restores) restore();
  }
  return scores.result(rate(scores.count, started));
}

const rate = (count: number, started: number): number => count / ((performance.now() - started) / 1000);

/** One batch of each pass at a time, so that only few pictures wait for their last opinion. */
async function* together(passes: readonly AsyncIterable<Batch>[]): AsyncIterable<Batch[]> {
  const iterators = passes.map((pass) => pass[Symbol.asyncIterator]());
  try {
    for (;;) {
      const results = await Promise.all(iterators.map((iterator) => iterator.next()));
      const group = results.flatMap((result) => (result.done ? [] : [result.value]));
      if (group.length === 0) return;
      yield group;
    }
  } finally {
    for (const iterator of iterators) await iterator.return?.();
  }
}

async function addBatch(scores: Scores, models: readonly Module[], batch: Batch, views: number): Promise<void> {
  const labels = await batch.labels.data();
  for (const model of models) {
    const logits = await model.forward(batch.images).data();
    batch.indices.forEach((index, k) => {
      const row = logits.subarray(k * scores.classes, (k + 1) * scores.classes);
      scores.add(Math.floor(index / views), labels[k]!, row);
    });
  }
}

/** Adds up opinions, and counts a picture when it has all of them. */
class Scores {
  count = 0;
  top1 = 0;
  private top5 = 0;
  private loss = 0;
  private readonly confusion: number[][];
  private readonly waiting = new Map<number, { opinions: number; readonly sum: Float64Array }>();
  private readonly opinions: number;

  constructor(
    readonly classes: number,
    opinionsOfAModel: number,
    models: number,
  ) {
    this.opinions = opinionsOfAModel * models;
    this.confusion = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  }

  add(image: number, label: number, logits: HostArray): void {
    const log = logProbabilities(logits);
    if (this.opinions === 1) {
      this.finish(label, log);
      return;
    }
    const entry = this.waiting.get(image) ?? { opinions: 0, sum: new Float64Array(this.classes) };
    log.forEach((value, c) => {
      entry.sum[c]! += Math.exp(value) / this.opinions;
    });
    entry.opinions += 1;
    this.waiting.set(image, entry);
    if (entry.opinions < this.opinions) return;
    this.waiting.delete(image);
    this.finish(label, entry.sum.map(Math.log));
  }

  private finish(label: number, log: Float64Array): void {
    const place = rank(log, label);
    this.count += 1;
    this.top1 += place < 1 ? 1 : 0;
    this.top5 += place < 5 ? 1 : 0;
    this.loss -= log[label]!;
    this.confusion[label]![largest(log)]! += 1;
  }

  result(imagesPerSecond: number): Evaluation {
    const { count, confusion } = this;
    return { loss: this.loss / count, top1: this.top1 / count, top5: this.top5 / count, count, confusion, imagesPerSecond };
  }
}

/** log softmax in float64. */
function logProbabilities(logits: HostArray): Float64Array {
  const values = Float64Array.from(logits);
  const highest = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const total = Math.log(values.reduce((sum, value) => sum + Math.exp(value - highest), 0)) + highest;
  return values.map((value) => value - total);
}

function largest(scores: Float64Array): number {
  return scores.reduce((best, value, c) => (value > scores[best]! ? c : best), 0);
}
