/** Every experiment from its first step to its report, on tiny networks; interrupted ones go on to the same numbers. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTrainingData } from '../../cli/datasets.ts';
import { useDevice } from '../../core/index.ts';
import {
  type ArmResult,
  type Chosen,
  carryOut,
  EXPERIMENTS,
  type Experiment,
  PRESETS,
  runsOfExperiment,
  type Scale,
  type Surroundings,
  scaleOf,
  scaleOptions,
  writeReport,
} from '../../experiments/index.ts';
import { INITIALISERS } from '../../experiments/initialisers.ts';
import { initialise, Linear } from '../../nn/index.ts';
import { compiledCli } from '../cli/compiled.ts';

const { runCli } = compiledCli();
const folder = mkdtempSync(join(tmpdir(), 'tapegrad-experiments-'));
const pictures = join(folder, 'pictures');
beforeAll(async () => {
  await useDevice('simd', { threads: 1 });
  for (const [name, background] of [
    ['train/a', 'red'],
    ['train/b', 'blue'],
    ['val/a', 'red'],
    ['val/b', 'blue'],
  ] as const) {
    mkdirSync(join(pictures, name), { recursive: true });
    const picture = sharp({ create: { width: 40, height: 36, channels: 3, background } });
    for (let k = 0; k < 2; k++) await picture.png().toFile(join(pictures, name, `${k}.png`));
  }
});
afterAll(async () => {
  await useDevice('reference');
  rmSync(folder, { recursive: true });
});

const named = (name: string): Experiment => EXPERIMENTS.find((each) => each.name === name)!;

/** Two steps of tiny networks. */
function tiny({ images }: Experiment, seeds = 1): Scale {
  return images === 'imagefolder'
    ? { depths: [18], seeds, width: 2, settings: { size: 32, batchSize: 2, steps: 2, augment: 'none' } }
    : { depths: [8, 14], seeds, width: 4, settings: { limit: 8, batchSize: 4, steps: 2 } };
}

const chosenFor = ({ images }: Experiment): Chosen =>
  images === 'imagefolder' ? { dataset: images, data: pictures, seed: 3 } : { dataset: 'synthetic', data: null, seed: 3 };

/** Carries the experiment out; with `stopAfter` it is interrupted after so many steps of all runs. */
async function perform(
  experiment: Experiment,
  directory: string,
  { seeds = 1, stopAfter = Number.POSITIVE_INFINITY } = {},
): Promise<{ readonly results: ArmResult[] | undefined; readonly steps: number }> {
  const controller = new AbortController();
  let steps = 0;
  const surroundings: Surroundings = {
    open: (settings) => openTrainingData(settings, { skip: 0, workers: 1 }),
    signal: controller.signal,
    say: () => undefined,
    onStep: () => {
      steps += 1;
      if (steps === stopAfter) controller.abort();
    },
  };
  const runs = runsOfExperiment(experiment, tiny(experiment, seeds), chosenFor(experiment), directory);
  const results = await carryOut(runs, surroundings);
  const circumstances = { scale: '--preset tiny', images: 'a few images', device: 'simd', machine: 'any', date: '2020-01-01' };
  if (results !== undefined) await writeReport(directory, experiment, results, circumstances);
  return { results, steps };
}

/** table.json without what a clock has measured. */
const timeless = (directory: string): string =>
  readFileSync(join(directory, 'table.json'), 'utf8')
    .replace(/"(seconds|imagesPerSecond)": [^,\n]+/g, '')
    .replace(/took [\d.]+ times|[\d.]+ times the time/g, '');

describe.each(EXPERIMENTS)('$name', (experiment) => {
  it('leaves a table, curves and a report', async () => {
    const directory = join(folder, experiment.name);
    const { results } = await perform(experiment, directory);
    const { arms } = experiment;
    const names = arms(tiny(experiment)).map(({ name }) => name);
    expect(results!.map(({ name }) => name)).toEqual(names);
    expect(readdirSync(directory).sort()).toEqual(['curves.svg', 'report.md', 'runs', 'table.json', 'table.md']);
    const table = readFileSync(join(directory, 'table.md'), 'utf8');
    for (const name of names) expect(table).toContain(`| ${name} |`);
    const picture = readFileSync(join(directory, 'curves.svg'), 'utf8');
    expect(picture).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
    for (const [k, name] of names.entries()) expect(picture).toContain(k < 10 ? `>${name}<` : `>${name} - -<`); // ten colours
    const report = readFileSync(join(directory, 'report.md'), 'utf8');
    expect(report).toContain(table);
    expect(report).toMatch(/The finding showed|The finding did NOT show|The question is open/);
    for (const result of results!) {
      expect(result.history.at(-1)).toMatchObject({ step: 2, heldOut: { split: 'test' } });
      expect(result.responses === null).toBe(experiment.responses !== true);
    }
  });

  it('has presets with networks of different names', () => {
    for (const preset of PRESETS) {
      const names = experiment.arms(experiment.scales[preset]).map(({ name }) => name);
      expect(new Set(names).size).toBe(names.length);
      expect(runsOfExperiment(experiment, experiment.scales[preset], chosenFor(experiment), '.')).toHaveLength(
        names.length * experiment.scales[preset].seeds,
      );
    }
  });
});

it('a preset can be shortened', () => {
  const changed = scaleOf(named('degradation'), 'evening', { depths: [20, 56], seeds: 2, epochs: 3 });
  expect(changed).toMatchObject({ depths: [20, 56], seeds: 2, settings: { epochs: 3, batchSize: 128 } });
  expect(scaleOf(named('imagenet-mini'), 'evening', { epochs: 1 }).settings).not.toHaveProperty('steps');
  expect(scaleOptions('evening', { depths: [20, 56], epochs: 3 })).toBe('--preset evening --depths 20,56 --epochs 3');
  for (const each of EXPERIMENTS) expect(scaleOf(each, 'paper', {})).toEqual(each.scales.paper);
});

describe('an interrupted experiment', () => {
  it('goes on to the same numbers, and trains nothing twice', async () => {
    const experiment = named('responses');
    const [whole, parts] = [join(folder, 'whole'), join(folder, 'parts')];
    const all = await perform(experiment, whole, { seeds: 2 });
    const first = await perform(experiment, parts, { seeds: 2, stopAfter: 3 }); // in the middle of the second of eight runs
    expect(first.results).toBeUndefined();
    const rest = await perform(experiment, parts, { seeds: 2 });
    expect([all.steps, first.steps + rest.steps]).toEqual([16, 16]);
    expect(timeless(parts)).toBe(timeless(whole));
    expect(new Set(rest.results!.map(({ seed }) => seed))).toEqual(new Set([3, 4]));
    expect((await perform(experiment, parts, { seeds: 2 })).steps).toBe(0);
  });

  it('is refused with other settings, and with a damaged result', async () => {
    const experiment = named('bottleneck');
    const directory = join(folder, 'refused');
    await perform(experiment, directory);
    const run = join(directory, 'runs/basic-seed3');
    writeFileSync(join(run, 'result.json'), '{"name": "basic"}');
    await expect(perform(experiment, directory)).rejects.toThrow(/result\.json does not hold the result of a run; remove it/);
    writeFileSync(join(run, 'settings.json'), '{}');
    await expect(perform(experiment, directory)).rejects.toThrow(
      /basic-seed3 holds a run with other settings; choose another --out/,
    );
  });
});

it('a run whose numbers become infinite is a result, and the others go on', async () => {
  const experiment = named('shortcuts');
  const scale = { ...tiny(experiment), settings: { ...tiny(experiment).settings, learningRate: 1e30, warmUp: 0 } };
  const surroundings: Surroundings = {
    open: (settings) => openTrainingData(settings, { skip: 0 }),
    signal: new AbortController().signal,
    say: () => undefined,
    onStep: () => undefined,
  };
  const runs = runsOfExperiment(experiment, scale, chosenFor(experiment), join(folder, 'infinite'));
  const results = await carryOut(runs, surroundings);
  expect(results!.map(({ diverged }) => diverged)).toEqual(Array(4).fill(expect.stringMatching(/NaN|[Ii]nfinit/)));
});

it('the initialisers have the deviations of their formulas', () => {
  const expected = {
    'he-fan-in': Math.sqrt(2 / 400),
    'he-fan-out': Math.sqrt(2 / 100),
    xavier: Math.sqrt(2 / 500),
    'too-small': 0.01 * Math.sqrt(2 / 400),
    'too-large': 100 * Math.sqrt(2 / 400),
  };
  for (const [name, deviation] of Object.entries(expected)) {
    const { weight } = initialise({ seed: 1, weights: INITIALISERS[name]! }, () => new Linear(400, 100));
    const values = Array.from(weight.host!);
    const found = Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / values.length);
    // 40,000 draws: the deviation is known to 1 / sqrt(80,000) = 0.35 %; four times that
    expect(Math.abs(found / deviation - 1), name).toBeLessThan(0.015);
  }
});

describe('the command', () => {
  const mistakes: [string[], number, RegExp][] = [
    [['nonsense'], 2, /'nonsense' is invalid for argument 'name'\. Allowed choices are degradation, shortcuts/],
    [['degradation', '--preset', 'weekend'], 2, /Allowed choices are quick, evening, paper/],
    [['degradation', '--preset', 'evening'], 1, /^error: --preset evening trains on CIFAR-10; give --data DIR, .*\n$/],
    [
      ['degradation', '--depths', '20'],
      1,
      /^error: depths 20 given; experiment degradation compares depths: give two or more\n$/,
    ],
    [
      ['shortcuts', '--depths', '20,32'],
      1,
      /^error: depths 20,32 given; experiment shortcuts has networks of one depth: give one\n$/,
    ],
    [['degradation', '--depths', '20,33'], 1, /^error: cifarResnet: depth 33 given; it needs to be 6n \+ 2: .*\n$/],
    [['imagenet-mini', '--depths', '18,50', '--data', pictures], 1, /^error: depth 50 given; .* with 18 and with 34 layers\n$/],
    [['degradation', '--epochs', '0'], 2, /--epochs <n>' argument '0' is invalid. It needs to be a whole number of at least 1/],
    [['imagenet-mini'], 1, /^error: experiment imagenet-mini is about pictures; give --data DIR, .*\n$/],
  ];
  it.each(mistakes)('%j ends with one sentence', async (words, code, sentence) => {
    const finished = await runCli(['experiment', ...words, '--out', join(folder, 'none')]);
    expect(finished.stderr).toMatch(sentence);
    expect(finished.code).toBe(code);
  });

  it('stops at Ctrl-C and says how it goes on', async () => {
    const out = join(folder, 'command');
    const args = ['experiment', 'degradation', '--threads', '1', '--device', 'simd', '--out', out];
    let asked = false;
    const finished = await runCli(args, (printed, child) => {
      if (asked || !/plain20 \d+\/384/.test(printed)) return;
      asked = true;
      child.kill('SIGINT');
    });
    expect(finished.stderr).toContain(`interrupted; the same command goes on with what is in ${out}`);
    expect(finished.code).toBe(130);
  });
});
