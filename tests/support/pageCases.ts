/** The tests of a page whose text is source, programs and what they print. */
import { describe, expect, it } from 'vitest';
import { takeFromSource, wholeFiles, withoutExcerpts } from './excerpts.ts';
import { idlePrograms, programsOf, readPage, runPrograms, typeErrors } from './page.ts';
import { brokenCommands, brokenLinks, uncheckedBlocks, unknownNames } from './pageText.ts';

export const HINT = 'npx tsx --conditions=tapegrad-source tests/tour/tour.ts --update brings it up to date';

export async function describePage(path: string): Promise<void> {
  const page = readPage(path);
  const [programs, files] = [programsOf(page), wholeFiles(page)];
  const printed = await runPrograms(programs, files);

  describe(path, () => {
    it('has excerpts and line counts as the source has them, and no block that nothing compares', () => {
      expect(page, HINT).toBe(takeFromSource(page));
      expect(uncheckedBlocks(withoutExcerpts(page))).toEqual([]);
    });

    it.each(programs.filter(({ output }) => output !== undefined))('$name', ({ name, output }) => {
      expect(printed.get(name), HINT).toBe(output);
    });

    it('runs every program, and the compiler has no complaint', async () => {
      expect(idlePrograms(programs)).toEqual([]);
      expect(await typeErrors(programs, files)).toBe('');
    });

    it('has links, commands and names that lead somewhere', () => {
      expect(brokenLinks(path)).toEqual([]);
      expect(brokenCommands(page, programs)).toEqual([]);
      expect(unknownNames(page)).toEqual([]);
    });

    it('names files that exist', () => {
      for (const [, file] of page.matchAll(/`((?:core|nn|optim|models|testing|tests)\/[\w/.]+\.ts)`/g)) readPage(file!);
    });
  });
}
