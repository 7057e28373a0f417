/** What a bundler makes of a module that imports from the installed package. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rolldown } from 'rolldown';

/** The code that is left of a module of this text, with its imports bundled into it. */
export async function bundleOf(project: string, text: string): Promise<string> {
  const entry = join(project, 'bundled-entry.js');
  writeFileSync(entry, text);
  const build = await rolldown({ input: entry, cwd: project, platform: 'node', logLevel: 'silent' });
  const { output } = await build.generate({ format: 'es', comments: false, codeSplitting: false });
  await build.close();
  return output[0].code.trim();
}

/** Bundles each name by itself and gives a script that imports them all and prints as JSON what does not load. */
export async function writeBundles(
  project: string,
  names: readonly { readonly entry: string; readonly name: string }[],
): Promise<string> {
  const folder = join(project, 'bundles');
  mkdirSync(folder, { recursive: true });
  for (const [k, { entry, name }] of names.entries())
    writeFileSync(join(folder, `${k}.js`), await bundleOf(project, `export { ${name} as value } from '${entry}';`));
  const script = join(folder, 'load.js');
  writeFileSync(
    script,
    `const failed = [];
for (const [k, name] of ${JSON.stringify(names.map(({ entry, name }) => `${entry}: ${name}`))}.entries()) {
  const { value } = await import(\`./\${k}.js\`).catch((error) => ({ value: void failed.push(name + ': ' + error.message) }));
  if (value === undefined) failed.push(name);
}
console.log(JSON.stringify(failed));
`,
  );
  return script;
}
