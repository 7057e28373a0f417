/** docs/tour.md says what the source says, its programs print what stands below them, and its formulas and diagrams are right. */
import { describe, expect, it } from 'vitest';
import { describe as describeTape, explain } from '../../core/index.ts';
import { wholeFiles } from '../support/excerpts.ts';
import { programsOf, readPage, runPrograms } from '../support/page.ts';
import { describePage, HINT } from '../support/pageCases.ts';
import { indentedBlocks } from '../support/pageText.ts';
import { tilingLine } from './convolutionDiagrams.ts';
import { chainPlan, diagrams, scalarTape } from './diagrams.ts';
import { compared } from './formulas.ts';

await describePage('docs/tour.md');

describe('docs/tour.md', () => {
  const page = readPage('docs/tour.md');
  const formulas = indentedBlocks(page).filter((block) => !block.startsWith('    npx '));

  it.each(formulas.map((block) => [block.trimStart().split('\n')[0]!, block] as const))('%s', (_, block) => {
    for (const { actual, expected } of compared(block)) expect(actual).toBeCloseTo(expected, 6);
  });

  it('has the diagrams that are drawn now', () => {
    for (const [path, svg] of diagrams()) {
      expect(readPage(path), HINT).toBe(svg);
      expect(page).toContain(path.replace('docs/', ''));
    }
  });

  it('has diagrams of the tape, the plan and the tiles that its programs print', () => {
    expect(page).toContain(describeTape(scalarTape()));
    expect(page).toContain(explain(chainPlan()));
    expect(page).toContain(tilingLine());
  });

  it('has an exercise whose checks see that a gradient is missing, that of the gradient too', async () => {
    const unpool = programsOf(page).filter(({ name }) => name === 'unpool.ts');
    const { name, text } = wholeFiles(page)[0]!;
    for (const rule of ['() => pick(dy, positions, { size })', '() => maxUnpool2d(dy, positions, { size })']) {
      expect(text).toContain(rule);
      await expect(runPrograms(unpool, [{ name, text: text.replace(rule, 'null') }])).rejects.toThrow('is wrong');
    }
  });
});
