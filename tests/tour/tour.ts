/**
 * docs/tour.md brought up to date: excerpts and line counts from the source, outputs from running its programs, diagrams drawn.
 *
 *     npx tsx --conditions=tapegrad-source tests/tour/tour.ts --update
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../cli/run.ts';
import { programsOf, readPage, runPrograms } from '../support/page.ts';
import { diagrams } from './diagrams.ts';
import { takeFromSource, wholeFiles } from './excerpts.ts';

const PAGE = 'docs/tour.md';

/** The page with what its programs print now. */
async function withOutputs(page: string): Promise<string> {
  const programs = programsOf(page);
  const printed = await runPrograms(programs, wholeFiles(page));
  let updated = page;
  for (const { name, text, output } of programs) {
    const now = printed.get(name);
    if (now === undefined) continue;
    const at = updated.indexOf(`\`\`\`text\n${output}`, updated.indexOf(text)) + '```text\n'.length;
    updated = updated.slice(0, at) + now + updated.slice(at + output.length);
  }
  return updated;
}

async function update(): Promise<void> {
  writeFileSync(join(ROOT, PAGE), await withOutputs(takeFromSource(readPage(PAGE))));
  for (const [path, svg] of diagrams()) writeFileSync(join(ROOT, path), svg);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href && process.argv.includes('--update')) await update();
