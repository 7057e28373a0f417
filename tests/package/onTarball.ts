/** What is in the package, and what is not. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../cli/run.ts';
import { entryFiles, importedPackages, unmapped } from './contents.ts';
import { ENTRIES, type Installed } from './tarball.ts';

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

export function describeTarball(installed: () => Installed): void {
  describe('the tarball', () => {
    it('keeps to the budget that README.md states', () => {
      const stated = /([\d.]+) MB packed and ([\d.]+) MB unpacked/.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'));
      const [packed, unpacked] = [Number(stated?.[1]), Number(stated?.[2])];
      expect(installed().tarball.size / 1e6).toBeLessThanOrEqual(packed);
      expect(installed().tarball.unpackedSize / 1e6).toBeLessThanOrEqual(unpacked);
    });
    it('has every entry, and a map to a packed source for every module and declaration', () => {
      expect(entryFiles(installed().home).length).toBeGreaterThan(ENTRIES.length);
      expect(entryFiles(installed().home).filter((path) => !existsSync(join(installed().home, path)))).toEqual([]);
      expect(unmapped(installed().home, installed().tarball.paths)).toEqual([]);
    });
    it('has nothing but what is compiled, its sources, what is bundled and two pages of text', () => {
      const sources = new Set(installed().tarball.paths.filter((path) => /^(?!dist\/).*\.ts$/.test(path)));
      const known = /^(dist\/bundled\/(gpu\.js|LICENSE\.[\w.-]+)|README\.md|LICENSE|package\.json)$/;
      const stray = installed().tarball.paths.filter((path) => {
        const source = path.replace(/^dist\//, '').replace(/(\.js|\.d\.ts)(\.map)?$/, '.ts');
        return !known.test(path) && !sources.has(source);
      });
      expect(stray).toEqual([]);
    });
    it('has the licence of every package that is bundled', () => {
      const licences = readdirSync(join(installed().home, 'dist/bundled')).filter((name) => name.startsWith('LICENSE.'));
      expect(licences.sort()).toEqual(['acorn', 'gl-wiretap', 'gpu-mock.js', 'gpu.js'].map((name) => `LICENSE.${name}`));
      for (const name of licences)
        expect(readFileSync(join(installed().home, 'dist/bundled', name), 'utf8')).toMatch(/Permission is hereby granted/);
    });
    it('imports only what is installed with it; declarations nothing that is optional', () => {
      const compiled = importedPackages(
        installed().home,
        installed().tarball.paths.filter((path) => /^dist\/(?!bundled\/).*\.js$/.test(path)),
      );
      const [required, optional] = [Object.keys(manifest.dependencies), Object.keys(manifest.optionalDependencies)];
      expect([...compiled.keys()].filter((name) => ![...required, ...optional, 'fast-check', 'tsx'].includes(name))).toEqual([]);
      for (const name of required.filter((each) => !each.startsWith('@types/'))) expect([...compiled.keys()]).toContain(name);
      const declared = importedPackages(
        installed().home,
        installed().tarball.paths.filter((path) => path.endsWith('.d.ts')),
      );
      expect(declared.get('fast-check')).toEqual(['dist/testing/arbitraries.d.ts']);
      declared.delete('fast-check');
      expect([...declared.keys()].filter((name) => !required.includes(name))).toEqual([]);
    });
  });
}
