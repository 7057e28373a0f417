/**
 * Pages whose programs run. A ```ts block that begins with `// name.ts` is a program, or a file that later programs import; what it
 * prints stands in the ```text block behind it, if there is one.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Finished, ROOT, runProcess } from '../cli/run.ts';

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

/** A folder with these files, inside the repository so that the package can name itself in imports. */
export class ProgramFolder {
  private readonly path = mkdtempSync(join(ROOT, 'runs-page-'));

  constructor(files: readonly { readonly name: string; readonly text: string }[]) {
    for (const { name, text } of files) writeFileSync(join(this.path, name), text);
  }

  run(name: string): Promise<Finished> {
    return runProcess(['--conditions=tapegrad-source', '--import', 'tsx', join(this.path, name)], this.path);
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}
