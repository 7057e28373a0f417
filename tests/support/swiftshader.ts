/**
 * Lets Dawn find SwiftShader, the Vulkan driver on the CPU that comes with Debian's chromium, so that the webgpu tests run on machines
 * without a GPU. The loader reads these variables when a process starts: they must be set before the test workers are, so
 * vitest.config.ts calls this. A driver that was already chosen stays.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const FOLDER = '/usr/lib/chromium';
const DRIVER = `${FOLDER}/vk_swiftshader_icd.json`;

/** What a process needs in its environment; empty where SwiftShader is not installed or a driver was chosen. */
export function swiftShaderEnvironment(environment: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const chosen = environment.VK_ICD_FILENAMES ?? environment.VK_DRIVER_FILES;
  if (chosen !== undefined || !existsSync(DRIVER) || !existsSync(`${FOLDER}/libvulkan.so.1`)) return {};
  const path = environment.LD_LIBRARY_PATH;
  return { VK_ICD_FILENAMES: DRIVER, LD_LIBRARY_PATH: path ? `${path}:${FOLDER}` : FOLDER };
}

/** For scripts: runs this process once more with that environment where it is not set yet, and ends with its exit code. */
export function restartWithSwiftShader(): void {
  const missing = swiftShaderEnvironment();
  if (Object.keys(missing).length === 0) return;
  const args = [...process.execArgv, ...process.argv.slice(1)];
  const { status } = spawnSync(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ...missing } });
  process.exit(status ?? 1);
}
