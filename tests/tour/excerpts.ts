/**
 * What docs/tour.md takes from the source: excerpts and line counts.
 *
 *     <!-- from core/tape.ts: "export function gradient" -->             from the line that begins so to the bracket that closes it
 *     <!-- from core/tape.ts: "first line" to "last line" -->            up to the first line after it that begins so
 *     <!-- from tests/tour/maxUnpool.ts -->                              the whole file
 *
 * stands before the block with that text: ts, or txt for formulas out of a comment, whose stars are left out. Indentation counts neither in
 * search nor in print. `core/tape.ts`, 135 lines is a line count.
 */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ROOT } from '../cli/run.ts';

const MARKED = /(<!-- from (\S+?)(?:: "(.+?)"(?: to "(.+?)")?)? -->\n+```(?:ts|txt)\n)[\s\S]*?(^```$)/gm;
const COUNT = /(`([\w/.]+\.ts)`,\s+)\d+(\s+lines)/g;

/** The page with every excerpt and line count as the source has it now. */
export function takeFromSource(page: string): string {
  return page
    .replace(MARKED, (_, head, path, first, last, fence) => `${head}${excerpt(path, first, last)}${fence}`)
    .replace(COUNT, (_, head, path, tail) => `${head}${read(path).trimEnd().split('\n').length}${tail}`);
}

/** Whole files on the page, by the name under which its programs import them. */
export function wholeFiles(page: string): { name: string; text: string }[] {
  return [...page.matchAll(MARKED)].flatMap(([, , path, first]) =>
    first === undefined ? [{ name: basename(path!), text: read(path!) }] : [],
  );
}

/** The blocks of TypeScript that are neither marked as excerpts nor programs: nothing would notice that they are wrong. */
export function uncheckedBlocks(page: string): string[] {
  const rest = page.replace(MARKED, '');
  return [...rest.matchAll(/^```ts\n(.*)/gm)].map(([, line]) => line!).filter((line) => !/^\/\/ \S+\.ts$/.test(line));
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
  const closes = (line: string): boolean =>
    last === undefined ? line.startsWith(indent) && /^[}\])]/.test(line.slice(indent.length)) : line.trimStart().startsWith(last);
  const end = lines.findIndex((line, k) => k > start && closes(line));
  if (end < 0) throw new Error(`${path}: nothing ends the excerpt "${first}"; name its last line with to "..."`);
  const taken = lines.slice(start, end + 1);
  const flush = taken.map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
  return `${flush.map((line) => (first.startsWith('*') ? line.replace(/^\* ?/, '') : line)).join('\n')}\n`;
}
