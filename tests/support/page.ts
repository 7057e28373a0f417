/**
 * Pages whose programs run. A ```ts block that begins with `// name.ts` is a program, or a file that other programs import; what it
 * prints stands in the ```text block behind it, if there is one.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Finished, ROOT, runProcess, TSC } from '../cli/run.ts';

export interface PageFile {
  readonly name: string;
  readonly text: string;
}

export interface Program extends PageFile {
  /** Undefined for files that are only imported. */
  readonly output: string | undefined;
}

export function readPage(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export function programsOf(page: string): Program[] {
  const blocks = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(([, kind, text]) => ({ kind: kind!, text: text! }));
  return blocks.flatMap(({ kind, text }, k) => {
    const name = kind === 'ts' ? /^\/\/ (\S+\.ts)\n/.exec(text)?.[1] : undefined;
    const next = blocks[k + 1];
    return name === undefined ? [] : [{ name, text, output: next?.kind === 'text' ? next.text : undefined }];
  });
}

/** Programs without an output that none with one imports, however far: they would never run. */
export function idlePrograms(programs: readonly Program[]): string[] {
  const running = new Set(programs.filter(({ output }) => output !== undefined));
  for (const { text } of running)
    for (const program of programs) if (text.includes(`from './${program.name}'`)) running.add(program);
  return programs.filter((program) => !running.has(program)).map(({ name }) => name);
}

/** The page with what its programs print now. */
export async function withOutputs(page: string, files: readonly PageFile[] = []): Promise<string> {
  const programs = programsOf(page);
  const printed = await runPrograms(programs, files);
  let updated = page;
  for (const { name, text, output } of programs) {
    const now = printed.get(name);
    if (now === undefined || output === undefined) continue;
    const at = updated.indexOf(`\`\`\`text\n${output}`, updated.indexOf(text)) + '```text\n'.length;
    updated = updated.slice(0, at) + now + updated.slice(at + output.length);
  }
  return updated;
}

/** Before the output of each program. */
const MARK = '\f';

/**
 * What the programs that have an output print now, by their names. They run one after another in one process, since starting one takes
 * longer than most of them.
 */
export async function runPrograms(programs: readonly Program[], files: readonly PageFile[] = []): Promise<Map<string, string>> {
  const names = programs.filter(({ output }) => output !== undefined).map(({ name }) => name);
  const main = names.map((name) => `console.log('${MARK}${name}');\nawait import('./${name}');\n`).join('');
  const { stdout, stderr, code } = await inFolder([...programs, ...files, { name: 'runAll.ts', text: main }], (folder) =>
    runProcess(['--conditions=tapegrad-source', '--import', 'tsx', join(folder, 'runAll.ts')], folder),
  );
  const printed = stdout.split(MARK).slice(1);
  if (code !== 0 || stderr !== '')
    throw new Error(`${printed.at(-1)?.split('\n')[0]} ended with code ${code} and printed to the error stream:\n${stderr}`);
  return new Map(printed.map((part, k) => [names[k]!, part.slice(names[k]!.length + 1)]));
}

/** What the compiler says of the programs, under the rules of this repository; they run without being checked. */
export async function typeErrors(programs: readonly PageFile[], files: readonly PageFile[] = []): Promise<string> {
  const settings = { extends: '../tsconfig.json', include: ['*.ts'] };
  const { stdout } = await inFolder(
    [...programs, ...files, { name: 'tsconfig.json', text: JSON.stringify(settings) }],
    (folder) => runProcess([TSC, '-p', folder], folder),
  );
  return stdout;
}

/** A folder with these files inside the repository, so that the package can name itself in imports. */
async function inFolder(files: readonly PageFile[], run: (folder: string) => Promise<Finished>): Promise<Finished> {
  const folder = mkdtempSync(join(ROOT, 'runs-page-'));
  try {
    for (const { name, text } of files) writeFileSync(join(folder, name), text);
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
