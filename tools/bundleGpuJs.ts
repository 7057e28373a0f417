/**
 * gpu.js and what it needs as one module. As a dependency it would bring two native packages, `webgpu` and `gl`, that only a consumer's
 * own package.json could keep away. It is not minified: gpu.js reads functions as text, its own among them.
 */
import { copyFileSync, existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Plugin } from 'rolldown';

const ENTRY = 'tapegrad:gpu.js';

/** What the sources import of it. */
const entry: Plugin = {
  name: 'entry',
  resolveId: (source) => (source === ENTRY ? source : null),
  load: (id) => (id === ENTRY ? "export { GPU, Input } from 'gpu.js';" : null),
};

/**
 * In Node gpu.js asks for `gl`, `os` and `worker_threads` when it runs, and does without what is not there. Pages have no `require`, and a
 * bundler that sees none resolves nothing.
 */
const REQUIRE = `const require = globalThis.process?.getBuiltinModule?.('node:module').createRequire(import.meta.url);`;

/** Writes the module and the licences of all that is in it; gives the module's path. */
export async function bundleGpuJs(folder: string): Promise<string> {
  const file = join(folder, 'gpu.js');
  const { output } = await build({
    input: ENTRY,
    plugins: [entry],
    platform: 'neutral',
    resolve: { mainFields: ['main'] },
    external: ['gl', 'os', 'worker_threads'],
    output: { file, format: 'es', banner: REQUIRE, comments: { jsdoc: false } },
    logLevel: 'warn',
  });
  for (const home of packagesOf(output[0].moduleIds)) copyLicence(home, folder);
  copyFileSync(fileURLToPath(new URL('./licences/gl-wiretap.txt', import.meta.url)), join(folder, 'LICENSE.gl-wiretap'));
  return file;
}

/** The folders of the packages that these modules come from. */
function packagesOf(modules: readonly string[]): Set<string> {
  return new Set(modules.flatMap((id) => /^.*[/\\]node_modules[/\\](?:@[^/\\]+[/\\])?[^/\\]+/.exec(id)?.[0] ?? []));
}

function copyLicence(home: string, folder: string): void {
  const licence = join(home, 'LICENSE');
  if (!existsSync(licence)) throw new Error(`${home} is bundled and has no file LICENSE, which must be packed with it`);
  copyFileSync(licence, join(folder, `LICENSE.${basename(home)}`));
}
