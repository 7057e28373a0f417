/**
 * docs/tour.md and docs/gradients.md brought up to date: excerpts and line counts from the source, outputs from running their programs,
 * diagrams drawn.
 *
 *     npx tsx --conditions=tapegrad-source tests/tour/tour.ts --update
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../cli/run.ts';
import { takeFromSource, wholeFiles } from '../support/excerpts.ts';
import { readPage, withOutputs } from '../support/page.ts';
import { diagrams } from './diagrams.ts';

async function update(): Promise<void> {
  for (const path of ['docs/tour.md', 'docs/gradients.md']) {
    const page = takeFromSource(readPage(path));
    writeFileSync(join(ROOT, path), await withOutputs(page, wholeFiles(page)));
  }
  for (const [path, svg] of diagrams()) writeFileSync(join(ROOT, path), svg);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href && process.argv.includes('--update')) await update();
