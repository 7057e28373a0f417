/** Every name that users see has a docstring; `npm run docs` makes the reference of them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT } from '../cli/run.ts';
import { entriesOf, type PublicName, publicNames } from './publicNames.ts';

/** As `file:line name`, for people to find them. */
const undocumented = (names: readonly PublicName[]): string[] =>
  names.flatMap(({ name, place, documented }) => (documented ? [] : [`${place} ${name}`]));

describe('the public names', () => {
  let names: readonly PublicName[];
  beforeAll(() => {
    names = publicNames(ROOT, entriesOf(ROOT));
  });

  it('are found, members and what pages alone import included', () => {
    const found = names.map(({ name }) => name);
    const some = ['conv2d', 'State', 'State.read', 'BatchNorm2dOptions.epsilon', 'Bottleneck.expansion', 'SGD.constructor'];
    expect(found).toEqual(expect.arrayContaining([...some, 'Module.parameters', 'MemoryMetrics.text', 'shapes', 'Image']));
    expect(found.filter((name) => ['Conv2d.options', 'SGD.bufferOf', 'stridesOf'].includes(name))).toEqual([]);
    expect(found.length).toBeGreaterThan(800);
  });

  it('all have docstrings', () => expect(undocumented(names)).toEqual([]));

  it('are those that typedoc reads, but for what pages get instead of an entry', () => {
    const folder = join(ROOT, 'tools/reference');
    const { entryPoints } = JSON.parse(readFileSync(join(folder, 'typedoc.json'), 'utf8')) as { entryPoints: string[] };
    const read = entryPoints.map((entry) => `./${relative(ROOT, resolve(folder, entry))}`);
    expect(new Set(read)).toEqual(new Set(entriesOf(ROOT).filter((entry) => !entry.endsWith('browser.ts'))));
  });
});

describe('a name without a docstring', () => {
  const folder = mkdtempSync(join(ROOT, 'runs-page-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is found by file, line and name', () => {
    const source = `/** The file, not the type below it. */
export type Alias = { readonly inAlias: number } | string;
export const value = 1;
/** Documented. */
export interface Options {
  readonly property?: number;
  /** Documented. */
  documented(): void;
}
/** Documented. */
export class Thing {
  static count = 0;
  private hidden = 0;
  /** Documented. */
  constructor(readonly given: number) {}
  get size(): number {
    return this.hidden;
  }
  method(): void {}
}
export class Without {
  constructor(protected readonly taken: number) {}
}
function local(): void {}
/** Documented. */
export class Heir extends Thing {}
`;
    writeFileSync(join(folder, 'names.ts'), source);
    writeFileSync(join(folder, 'index.ts'), `export * from './names.ts';\nexport { value as renamed } from './names.ts';\n`);
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: '../tsconfig.json', include: ['.'] }));
    const names = ['2 Alias', '2 Alias.inAlias', '3 value', '6 Options.property', '15 Thing.given'];
    const more = ['16 Thing.size', '19 Thing.method', '12 Thing.count', '21 Without', '22 Without.constructor'];
    expect(undocumented(publicNames(folder, ['index.ts']))).toEqual([...names, ...more].map((name) => `names.ts:${name}`));
  });
});
