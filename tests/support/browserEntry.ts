/** All that a page can import, in one module: what the bundle test builds. */
export * as core from '../../core/index.ts';
export * as data from '../../data/browser.ts';
export * as models from '../../models/browser.ts';
export * as nn from '../../nn/index.ts';
export * as optim from '../../optim/index.ts';
export * as testing from '../../testing/index.ts';
export * as training from '../../training/browser.ts';
