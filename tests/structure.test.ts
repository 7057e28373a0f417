/** The shape of the source: which folder may import which, and how long a file may grow. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const layers = ['core', 'nn', 'optim', 'disk', 'data', 'models', 'training', 'testing', 'experiments', 'cli', 'web'];

/** What each folder may import besides itself. `data` takes only the file that makes tensors. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  core: [],
  nn: ['core'],
  optim: ['core'],
  disk: [],
  data: ['core/tensor.ts', 'core/host.ts', 'disk'],
  models: ['nn', 'core', 'disk'],
  testing: ['core'],
  training: ['core', 'nn', 'optim', 'data', 'models', 'disk'],
  experiments: ['core', 'nn', 'optim', 'data', 'models', 'disk', 'training'],
  cli: ['experiments', 'core', 'nn', 'optim', 'data', 'models', 'disk', 'training'],
  web: [], // takes the library by its name, as its users do
};

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(/from '(\.[^']+)'/g)].map(([, path]) => relative(root, resolve(root, dirname(file), path!)));
}

const files = layers.flatMap(sources);

describe('imports go downwards only', () => {
  it.each(layers)('%s', (layer) => {
    const wrong = sources(layer).flatMap((file) =>
      importsOf(file)
        .filter(
          (target) =>
            !target.startsWith(`${layer}/`) &&
            !allowed[layer]!.some((permitted) => target === permitted || target.startsWith(`${permitted}/`)),
        )
        .map((target) => `${file} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });
  it('and every import names a file that exists', () => {
    const known = new Set(files);
    const missing = files.flatMap((file) =>
      importsOf(file)
        .filter((target) => !known.has(target))
        .map((target) => `${file} -> ${target}`),
    );
    expect(missing).toEqual([]);
  });
});

describe('the playground', () => {
  const worker = sources('web/worker');
  const page = sources('web').filter((file) => !worker.includes(file));

  it('keeps tensors out of the page, and the page out of the worker', () => {
    const library = page.filter((file) => /from 'tapegrad/.test(readFileSync(join(root, file), 'utf8')));
    expect(library.filter((file) => !file.endsWith('vite.config.ts'))).toEqual([]);
    const outside = worker.flatMap((file) => importsOf(file).filter((target) => !target.startsWith('web/worker/')));
    expect(new Set(outside)).toEqual(new Set(['web/protocol.ts']));
  });
});

describe('files stay readable', () => {
  it('no file is longer than 300 lines', () => {
    const long = files.filter((file) => readFileSync(join(root, file), 'utf8').split('\n').length > 300);
    expect(long).toEqual([]);
  });
  it('no `any`, no `as unknown as`, nothing left to do', () => {
    const found = files.flatMap((file) =>
      readFileSync(join(root, file), 'utf8')
        .split('\n')
        .flatMap((line, k) =>
          /: any\b|<any>|as any\b|as unknown as|\bTODO\b|\bFIXME\b|@ts-ignore/.test(line) ? [`${file}:${k + 1}`] : [],
        ),
    );
    expect(found).toEqual([]);
  });
});
