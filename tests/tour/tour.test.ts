/** docs/tour.md says what the source says, its programs print what stands below them, and its diagrams are those that the code draws. */
import { describe, expect, it } from 'vitest';
import { programsOf, readPage, runPrograms } from '../support/page.ts';
import { diagrams } from './diagrams.ts';
import { takeFromSource, uncheckedBlocks, wholeFiles } from './excerpts.ts';

const page = readPage('docs/tour.md');
const programs = programsOf(page);
const printed = await runPrograms(programs, wholeFiles(page));

const HINT = 'npx tsx --conditions=tapegrad-source tests/tour/tour.ts --update brings it up to date';

describe('docs/tour.md', () => {
  it('has excerpts and line counts as the source has them', () => {
    expect(page, HINT).toBe(takeFromSource(page));
    expect(uncheckedBlocks(page)).toEqual([]);
  });

  it.each(programs.filter(({ output }) => output !== ''))('$name', ({ name, output }) => {
    expect(printed.get(name), HINT).toBe(output);
  });

  it('has the diagrams that are drawn now', () => {
    for (const [path, svg] of diagrams()) {
      expect(readPage(path), HINT).toBe(svg);
      expect(page).toContain(path.replace('docs/', ''));
    }
  });

  it('names files that exist', () => {
    for (const [, path] of page.matchAll(/`((?:core|nn|optim|models|testing|tests)\/[\w/.]+\.ts)`/g)) readPage(path!);
  });
});
