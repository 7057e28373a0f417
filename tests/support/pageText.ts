/** What can be wrong on a page beside its programs: blocks that no test reads, links that lead nowhere, names that the source has not. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ROOT } from '../cli/run.ts';
import { type Program, readPage } from './page.ts';

const FENCE = /^```(\w*)\n([\s\S]*?)^```$/gm;

/** The first lines of fenced blocks that are neither programs nor the output behind one: nothing would notice that they are wrong. */
export function uncheckedBlocks(page: string): string[] {
  let afterProgram = false;
  const unchecked = [...page.matchAll(FENCE)].flatMap(([, kind, text]) => {
    const isProgram = kind === 'ts' && /^\/\/ \S+\.ts\n/.test(text!);
    const isChecked = isProgram || kind === CHECKED || (kind === 'text' && afterProgram);
    afterProgram = isProgram;
    return isChecked ? [] : [text!.split('\n')[0]!];
  });
  const stray = page.replace(FENCE, '').split('\n');
  return [...unchecked, ...stray.filter((line) => /^\s*(```|~~~)/.test(line))];
}

/** The kind of fence under which a caller hides blocks that it checks itself. */
export const CHECKED = 'checked';

/** Blocks that are set off by four spaces: formulas and commands. */
export function indentedBlocks(page: string): string[] {
  return [...page.replace(FENCE, '').matchAll(/(?<=\n\n)(?: {4}.*\n)+(?:\n(?: {4}.*\n)+)*/g)].map(([block]) => block);
}

/** Commands in indented blocks that start a file which neither the page nor the repository has. */
export function brokenCommands(page: string, programs: readonly Program[]): string[] {
  const lines = indentedBlocks(page).flatMap((block) => block.trim().split('\n'));
  return lines.filter((line) => {
    const path = /^\s*npx tsx .*?(\S+\.ts)/.exec(line)?.[1];
    return path !== undefined && !existsSync(join(ROOT, path)) && programs.every(({ name }) => name !== basename(path));
  });
}

/** Links and pictures of a page that have no target: a file, or a heading of it. */
export function brokenLinks(path: string): string[] {
  return [
    ...readPage(path)
      .replace(FENCE, '')
      .matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g),
  ]
    .filter(([, file, anchor]) => {
      const target = file === '' ? path : join(dirname(path), file!);
      return !existsSync(join(ROOT, target)) || (anchor !== undefined && !anchorsOf(readPage(target)).has(anchor));
    })
    .map(([link]) => link);
}

function anchorsOf(page: string): Set<string> {
  const headings = page.replace(FENCE, '').matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, title]) =>
      title!
        .toLowerCase()
        .replace(/[^\w\- ]/g, '')
        .replaceAll(' ', '-'),
    ),
  );
}

const SOURCE = ['core', 'nn', 'optim', 'models', 'testing'];

/** Words in backticks that occur neither in the source nor in a program of the page. */
export function unknownNames(page: string): string[] {
  const blocks = [...page.matchAll(FENCE)].map(([, , text]) => text!);
  const texts = [...SOURCE.flatMap(sourceTexts), ...blocks];
  const words = new Set(texts.flatMap((text) => text.match(/\w+/g) ?? []));
  const named = [...page.replace(FENCE, '').matchAll(/`([A-Za-z_]\w*)`/g)].map(([, name]) => name!);
  return named.filter((name) => !words.has(name));
}

function sourceTexts(folder: string): string[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return names.map((name) => readFileSync(join(ROOT, folder, name), 'utf8'));
}
