/**
 * What a page takes from the source: excerpts and line counts.
 *
 *     <!-- from core/tape.ts: "export function gradient" -->             from the line that begins so to the bracket that closes it
 *     <!-- from core/tape.ts: "first line" to "last line" -->            up to the first line from it on that begins so
 *     <!-- from tests/tour/maxUnpool.ts -->                              the whole file
 *
 * stands before the block with that text: ts, or txt for formulas out of a comment, whose stars are left out. Indentation counts neither in
 * search nor in print. `core/tape.ts`, 135 lines is a line count.
 */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ROOT } from '../cli/run.ts';
import type { PageFile } from './page.ts';
import { CHECKED } from './pageText.ts';

const MARKED = /(<!-- from (\S+?)(?:: "(.+?)"(?: to "(.+?)")?)? -->\n+```(?:ts|txt)\n)[\s\S]*?(^```$)/gm;
const COUNT = /(`([\w/.]+\.ts)`,\s+)\d+(\s+lines)/g;

/** The page with every excerpt and line count as the source has it now. */
export function takeFromSource(page: string): string {
  return page
    .replace(MARKED, (_, head, path, first, last, fence) => `${head}${excerpt(path, first, last)}${fence}`)
    .replace(COUNT, (_, head, path, tail) => `${head}${read(path).trimEnd().split('\n').length}${tail}`);
}

/** Whole files on the page, by the name under which its programs import them. */
export function wholeFiles(page: string): PageFile[] {
  return [...page.matchAll(MARKED)].flatMap(([, , path, first]) =>
    first === undefined ? [{ name: basename(path!), text: read(path!) }] : [],
  );
}

/** The page with the blocks that `takeFromSource` compares marked as checked. */
export function withoutExcerpts(page: string): string {
  return page.replace(MARKED, `\`\`\`${CHECKED}\n\`\`\``);
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

function excerpt(path: string, first: string | undefined, last: string | undefined): string {
  if (first === undefined) return read(path);
  const lines = read(path).split('\n');
  const starts = lines.flatMap((line, k) => (line.trimStart().startsWith(first) ? [k] : []));
  if (starts.length !== 1)
    throw new Error(`${path} has ${starts.length} lines that begin with "${first}"; an excerpt needs exactly one`);
  const start = starts[0]!;
  const indent = /^ */.exec(lines[start]!)![0];
  const closes = (line: string, k: number): boolean =>
    last === undefined
      ? k > start && line.startsWith(indent) && /^[}\])]/.test(line.slice(indent.length))
      : k >= start && line.trimStart().startsWith(last);
  const end = lines.findIndex(closes);
  if (end < 0) throw new Error(`${path}: nothing ends the excerpt "${first}"; name its last line with to "..."`);
  const taken = lines.slice(start, end + 1);
  const flush = taken.map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
  return `${flush.map((line) => (first.startsWith('*') ? line.replace(/^\* ?/, '') : line)).join('\n')}\n`;
}
