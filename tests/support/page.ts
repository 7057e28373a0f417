/**
 * Pages whose programs run. A ```ts block that begins with `// name.ts` is a program, or a file that later programs import; what it
 * prints stands in the ```text block behind it, if there is one.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, runProcess } from '../cli/run.ts';

export interface Program {
  readonly name: string;
  readonly text: string;
  /** Empty for files that are only imported. */
  readonly output: string;
}

export function readPage(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export function programsOf(page: string): Program[] {
  const blocks = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, kind, text]) => ({ kind: kind!, text: text! }));
  return blocks.flatMap(({ kind, text }, k) => {
    const name = kind === 'ts' ? /^\/\/ (\S+\.ts)\n/.exec(text)?.[1] : undefined;
    const next = blocks[k + 1];
    return name === undefined ? [] : [{ name, text, output: next?.kind === 'text' ? next.text : '' }];
  });
}

/** Before the output of each program. */
const MARK = '\f';

/**
 * What the programs that have an output print now, by their names. They run one after another in one process, since starting one takes
 * longer than most of them; in a folder inside the repository, so that the package can name itself in imports.
 */
export async function runPrograms(
  programs: readonly Program[],
  files: readonly { readonly name: string; readonly text: string }[] = [],
): Promise<Map<string, string>> {
  const folder = mkdtempSync(join(ROOT, 'runs-page-'));
  const names = programs.filter(({ output }) => output !== '').map(({ name }) => name);
  const main = names.map((name) => `console.log('${MARK}${name}');\nawait import('./${name}');\n`).join('');
  try {
    for (const { name, text } of [...programs, ...files, { name: 'runAll.ts', text: main }])
      writeFileSync(join(folder, name), text);
    const run = await runProcess(['--conditions=tapegrad-source', '--import', 'tsx', join(folder, 'runAll.ts')], folder);
    const { stdout, stderr, code } = run;
    const printed = stdout.split(MARK).slice(1);
    if (code !== 0 || stderr !== '')
      throw new Error(`${printed.at(-1)?.split('\n')[0]} ended with code ${code} and printed to the error stream:\n${stderr}`);
    return new Map(printed.map((part, k) => [names[k]!, part.slice(names[k]!.length + 1)]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
