import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { swiftShaderEnvironment } from './tests/support/swiftshader.ts';

// The devices share the cores with each other, so test files run in processes of their own; memory tests need `gc()`.
export default defineConfig({
  resolve: { conditions: ['tapegrad-source'] },
  ssr: { resolve: { conditions: ['tapegrad-source'] } },
  test: {
    include: ['tests/**/*.test.ts'],
    setupFiles: ['tests/support/properties.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // TensorFlow.js keeps its gradients in a file apart, as a module that Node alone would not take for one.
    server: { deps: { inline: [/@tensorflow/] } },
    pool: 'forks',
    // Many tests wait for processes of their own or run on one thread: two files at a time, even on two cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    execArgv: ['--expose-gc'],
    // Test files share the cores; tests of threads say how many they want.
    env: { ...swiftShaderEnvironment(), TAPEGRAD_THREADS: '1' },
  },
});
