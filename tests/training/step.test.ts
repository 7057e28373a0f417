/** One step in several parts, where a loss that is not finite began, and evaluation, against sums written out by hand. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { State, type Tensor, tensor, useDevice } from '../../core/index.ts';
import type { Batch } from '../../data/index.ts';
import { cifarResnet } from '../../models/index.ts';
import { Dropout, Flatten, initialise, Linear, loadRandomState, Module, randomState, Sequential } from '../../nn/index.ts';
import { SGD } from '../../optim/index.ts';
import { evaluate, firstDivergedLayer, trainStep } from '../../training/index.ts';

beforeAll(() => useDevice('reference'));
afterAll(() => useDevice('reference'));

const numbers = (count: number, seed: number): Float64Array =>
  Float64Array.from({ length: count }, (_, k) => Math.sin(k * 12.9898 + seed * 78.233) * 1.3);

/** Images `from` to `to` of a fixed set of [n, 3, 8, 8] in 4 classes. */
function batchOf(from: number, to: number, shift = 0): Batch {
  const [size, count] = [3 * 8 * 8, to - from];
  const images = tensor(
    numbers(to * size, 1)
      .slice(from * size)
      .map((value) => value + shift),
    [count, 3, 8, 8],
  );
  const indices = Array.from({ length: count }, (_, k) => from + k);
  return { images, labels: tensor(Float64Array.from(indices, (k) => (k * 7) % 4)), indices, number: 0 };
}

const withoutNorm = (): Module => initialise({ seed: 3 }, () => new Sequential(new Flatten(), new Linear(192, 4)));
const optimizerOf = (model: Module): SGD => new SGD(model.parameters(), { learningRate: 0.1, momentum: 0.9, weightDecay: 1e-3 });

describe('micro-batches', () => {
  it('without batch norm give the step of the whole batch, however it is cut', async () => {
    const whole = withoutNorm();
    const expected = await trainStep(whole, optimizerOf(whole), [batchOf(0, 12)]);
    const weights = [...(await whole.stateDict()).values()];
    for (const cuts of [
      [6, 12],
      [3, 6, 9, 12],
      [5, 12],
      [1, 2, 12],
    ]) {
      const model = withoutNorm();
      const parts = cuts.map((end, k) => batchOf(cuts[k - 1] ?? 0, end));
      const scores = await trainStep(model, optimizerOf(model), parts);
      expect(scores.images).toBe(12);
      expect(scores.correct).toBe(expected.correct);
      expect(scores.loss).toBeCloseTo(expected.loss, 12);
      const found = [...(await model.stateDict()).values()];
      found.forEach(({ data }, k) => {
        data.forEach((value, at) => expect(value).toBeCloseTo(weights[k]!.data[at]!, 12));
      });
    }
  });
  it('with batch norm each part is normalised by itself, and moves the running statistics', async () => {
    const model = cifarResnet({ depth: 8, width: 4, classes: 4, seed: 1 });
    await trainStep(model, optimizerOf(model), [batchOf(0, 4), batchOf(4, 8)]);
    const parts = await Promise.all(
      [
        [0, 4],
        [4, 8],
      ].map(async ([from, to]) => {
        const fresh = cifarResnet({ depth: 8, width: 4, classes: 4, seed: 1 });
        fresh.forward(batchOf(from!, to!).images);
        return fresh.bn1.runningMean.data();
      }),
    );
    const running = await model.bn1.runningMean.data();
    running.forEach((value, c) => expect(value).toBeCloseTo(0.9 * parts[0]![c]! + parts[1]![c]!, 12));
  });
});

describe('a loss that is not finite', () => {
  it('names the first batch norm, in forward order, whose statistics are not', async () => {
    for (const [path, broken] of [
      ['bn1', 'conv1.weight'],
      ['layer2.0.bn1', 'layer2.0.conv1.weight'],
      ['layer3.0.bn2', 'layer3.0.conv2.weight'],
    ] as const) {
      const model = cifarResnet({ depth: 8, width: 4, classes: 4, seed: 1 });
      const state = new Map(model.namedStates()).get(broken)!;
      state.assign(tensor(new Float64Array(state.size).fill(Number.NaN), state.shape));
      await expect(trainStep(model, optimizerOf(model), [batchOf(0, 4)])).rejects.toThrow('the loss is NaN');
      expect(await firstDivergedLayer(model)).toBe(path);
    }
  });
  it('names none where only the last layer is broken', async () => {
    const model = cifarResnet({ depth: 8, width: 4, classes: 4, seed: 1 });
    model.linear.weight.assign(
      tensor(new Float64Array(model.linear.weight.size).fill(Number.POSITIVE_INFINITY), model.linear.weight.shape),
    );
    await expect(trainStep(model, optimizerOf(model), [batchOf(0, 4)])).rejects.toThrow('the loss is NaN');
    expect(await firstDivergedLayer(model)).toBeUndefined();
  });
  it('stops before the next part is recorded', async () => {
    const model = withoutNorm();
    const optimizer = optimizerOf(model);
    await expect(trainStep(model, optimizer, [batchOf(0, 4, Number.POSITIVE_INFINITY), batchOf(4, 8)])).rejects.toThrow(
      /the loss is/,
    );
    expect(optimizer.steps).toBe(0);
  });
});

describe('random state', () => {
  it('gives the masks to come again', async () => {
    const build = (): Module => initialise({ seed: 5 }, () => new Sequential(new Dropout(0.5), new Sequential(new Dropout(0.2))));
    const model = build();
    const draw = async (network: Module): Promise<number[]> => [
      ...(await network.forward(tensor(new Float64Array(64).fill(1))).data()),
    ];
    await draw(model);
    const state = JSON.parse(JSON.stringify(randomState(model)));
    const next = [await draw(model), await draw(model)];
    const other = build();
    loadRandomState(other, state);
    expect([await draw(other), await draw(other)]).toEqual(next);
    expect(next[0]).not.toEqual(next[1]);
    expect(() => loadRandomState(other, {})).toThrow(
      'loadRandomState: states for [] given, but the network has generators in [0, 1.0]',
    );
  });
});

/** Its logits are its input: what is evaluated is what the test writes down. */
class Given extends Module {
  readonly bias: State;
  constructor(shift: readonly number[]) {
    super();
    this.bias = new State([...shift]);
  }
  forward(x: Tensor): Tensor {
    return x;
  }
}

async function* batches(
  rows: readonly (readonly number[])[],
  labels: readonly number[],
  size: number,
  views = 1,
): AsyncIterable<Batch> {
  for (let from = 0, number = 0; from < rows.length; from += size, number++) {
    const indices = rows.slice(from, from + size).map((_, k) => from + k);
    yield {
      images: tensor(rows.slice(from, from + size).map((row) => [...row])),
      labels: tensor(indices.map((k) => labels[Math.floor(k / views)]!)),
      indices,
      number,
    };
  }
}

const softmax = (row: readonly number[]): number[] => {
  const total = row.reduce((sum, value) => sum + Math.exp(value), 0);
  return row.map((value) => Math.exp(value) / total);
};

describe('evaluate', () => {
  const row = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 7, maxLength: 7 });
  it('counts exactly, whatever the batch size divides, and averages views, passes and models as probabilities', async () => {
    const views = fc.constantFrom(1, 2, 10);
    await fc.assert(
      fc.asyncProperty(
        views
          .chain((each) => fc.tuple(fc.constant(each), fc.integer({ min: 1, max: 6 })))
          .chain(([each, images]) =>
            fc.tuple(
              fc.constant(each),
              fc.array(row, { minLength: each * images, maxLength: each * images }),
              fc.array(fc.integer({ min: 0, max: 6 }), { minLength: images, maxLength: images }),
              fc.integer({ min: 1, max: 25 }),
              fc.integer({ min: 1, max: 2 }),
            ),
          ),
        async ([each, rows, labels, size, passes]) => {
          const result = await evaluate(
            [new Given([0]), new Given([0])].slice(0, passes),
            Array.from({ length: passes }, () => batches(rows, labels, size, each)),
            { classes: 7, viewsPerImage: each },
          );
          const mean = labels.map((_, k) => {
            const opinions = rows.slice(k * each, (k + 1) * each).map(softmax);
            return opinions[0]!.map((_, c) => opinions.reduce((sum, p) => sum + p[c]!, 0) / each);
          });
          const place = (p: number[], label: number): number =>
            p.filter((value, c) => value > p[label]! || (value === p[label] && c < label)).length;
          const clear = mean.every((p, k) => p.every((value, c) => c === labels[k] || Math.abs(value - p[labels[k]!]!) > 1e-9));
          expect(result.count).toBe(labels.length);
          const loss = -labels.reduce((sum, label, k) => sum + Math.log(mean[k]![label]!), 0) / labels.length;
          expect(result.loss).toBeCloseTo(loss, 9);
          expect(result.confusion.flat().reduce((a, b) => a + b)).toBe(labels.length);
          if (!clear) return; // rounding decides
          expect(result.top1).toBe(labels.filter((label, k) => place(mean[k]!, label) < 1).length / labels.length);
          expect(result.top5).toBe(labels.filter((label, k) => place(mean[k]!, label) < 5).length / labels.length);
          expect(result.confusion.reduce((sum, counts, c) => sum + counts[c]!, 0) / labels.length).toBe(result.top1);
        },
      ),
      { numRuns: 40 },
    );
  });
  it('gives the models their mode back, also when it is stopped', async () => {
    const [one, other] = [new Given([0]), new Given([0]).eval()];
    const rows = Array.from({ length: 6 }, () => [1, 2, 3]);
    await evaluate([one, other], [batches(rows, [0, 1, 2, 0, 1, 2], 2)], { classes: 3 });
    expect([one.training, other.training]).toEqual([true, false]);
    const controller = new AbortController();
    const stopped = evaluate([one], [batches(rows, [0, 1, 2, 0, 1, 2], 2)], {
      classes: 3,
      signal: controller.signal,
      onBatch: () => controller.abort(),
    });
    await expect(stopped).rejects.toThrow();
    expect(one.training).toBe(true);
  });
  it('a NaN is never right', async () => {
    const result = await evaluate([new Given([0])], [batches([[Number.NaN, 1, 2]], [0], 1)], { classes: 3 });
    expect([result.top1, result.count]).toEqual([0, 1]);
  });
});
