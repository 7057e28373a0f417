/** What runs in a thread: one picture after another, each answered with its pixels or with why not. A rule is for what comes after it. */
import { parentPort } from 'node:worker_threads';
import { PictureError } from '../error.ts';
import { type PictureRequest, pictureReader } from './picture.ts';
import type { PictureRule } from './rule.ts';
import { firstLine, loadSharp } from './sharp.ts';

export type ToWorker =
  | { readonly kind: 'rule'; readonly rule: PictureRule }
  | { readonly kind: 'read'; readonly id: number; readonly request: PictureRequest }
  | { readonly kind: 'end' };

export type FromWorker =
  | { readonly kind: 'image'; readonly id: number; readonly data: Float32Array; readonly shape: number[] }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: string; readonly unreadable: boolean };

const port = parentPort!;
const reader = loadSharp().then((sharp) => {
  sharp.concurrency(1); // there are as many threads as cores are wanted already
  sharp.cache(false); // no picture is read twice in a row
  return pictureReader(sharp);
});
reader.catch(() => undefined); // every request answers with it
let rule: PictureRule;
let ended = false;
let last = Promise.resolve();

port.on('message', (message: ToWorker) => {
  if (message.kind === 'rule') rule = message.rule;
  else if (message.kind === 'read') {
    const { id, request } = message;
    const current = rule;
    last = last.then(() => answer(id, request, current));
  } else {
    ended = true;
    void last.then(() => port.close());
  }
});

async function answer(id: number, request: PictureRequest, rule: PictureRule): Promise<void> {
  if (ended) return;
  try {
    const { data, shape } = await (await reader)(request, rule);
    send({ kind: 'image', id, data, shape }, [data.buffer as ArrayBuffer]);
  } catch (error) {
    const unreadable = error instanceof PictureError;
    send({ kind: 'failed', id, reason: unreadable ? error.reason : firstLine(error), unreadable });
  }
}

function send(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}
