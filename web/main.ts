/** The page: listens to a person, asks the worker, and shows what it says. */
import { wrap } from 'comlink';
import { ChoiceForm } from './choice.ts';
import { dropped } from './dropped.ts';
import { Messages } from './messages.ts';
import { element } from './page.ts';
import { Playground } from './playground.ts';
import type { Trainer } from './protocol.ts';
import { Sketchpad } from './views/sketchpad.ts';

const worker = new Worker(new URL('./worker/main.ts', import.meta.url), { type: 'module' });
const form = new ChoiceForm();
const messages = new Messages();
const playground = new Playground(wrap<Trainer>(worker), form, messages);
worker.addEventListener('error', ({ message }: { readonly message?: string }) => {
  const what = message === undefined ? 'did not start' : `ended (${message})`; // a script that is not there has no message
  messages.fail(`the training thread ${what}; reload the page`);
});

if (!crossOriginIsolated)
  messages.notice(
    'This page is not cross-origin isolated, so WebAssembly runs on one thread. A host that sends the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp gives it all cores.',
  );
else if (typeof SharedArrayBuffer === 'undefined')
  messages.notice('This browser gives pages no memory that threads share, so WebAssembly runs on one thread.');

form.form.addEventListener('submit', (event) => {
  event.preventDefault();
  playground.go();
});
form.button('pause').addEventListener('click', () => playground.pause());
form.button('step').addEventListener('click', () => playground.go(1));
form.button('stop').addEventListener('click', () => playground.stop());
form.button('save').addEventListener('click', () => playground.save());
form.button('load').addEventListener('click', () => form.input('archive').click());
form.input('learningRate').addEventListener('change', () => playground.setLearningRate());
element('measure', HTMLButtonElement).addEventListener('click', () => playground.measure());

onFiles('archive', ([file]) => file && playground.load(file));
onFiles('cifar', (files) => playground.readCifar(files));
onFiles('pictures', (files) =>
  playground.readPictures(files.map((file) => ({ path: file.webkitRelativePath || file.name, file }))),
);

const sketchpad = new Sketchpad(
  {
    canvas: element('pad', HTMLCanvasElement),
    point: element('pad-point', HTMLElement),
    pen: element('pen', HTMLInputElement),
    ground: element('ground', HTMLInputElement),
    brush: element('brush', HTMLInputElement),
    clear: element('clear', HTMLButtonElement),
  },
  (picture) => playground.ask(picture),
);
playground.onNewWeights = () => playground.ask(sketchpad.picture());
element('picture', HTMLInputElement).addEventListener('change', ({ target }) => {
  const [file] = target instanceof HTMLInputElement ? [...(target.files ?? [])] : [];
  if (file !== undefined) messages.attempt(() => sketchpad.show(file));
});

document.addEventListener('dragover', (event) => {
  event.preventDefault();
  document.body.classList.add('dropping');
});
document.addEventListener('dragleave', ({ relatedTarget }) => {
  if (relatedTarget === null) document.body.classList.remove('dropping');
});
document.addEventListener('drop', (event) => {
  event.preventDefault();
  document.body.classList.remove('dropping');
  const files = event.dataTransfer;
  if (files !== null) messages.attempt(() => takeDropped(files));
});

async function takeDropped(files: DataTransfer): Promise<void> {
  const given = await dropped(files);
  if (given.kind === 'run') playground.load(given.file);
  else if (given.kind === 'cifar') playground.readCifar(given.files);
  else if (given.kind === 'pictures') playground.readPictures(given.files);
  else await sketchpad.show(given.file);
}

/** A choice of files; the same ones can be chosen again afterwards. */
function onFiles(name: string, take: (files: File[]) => void): void {
  const input = form.input(name);
  input.addEventListener('change', () => {
    const files = [...(input.files ?? [])];
    input.value = '';
    if (files.length > 0) take(files);
  });
}

addEventListener('beforeunload', (event) => {
  if (playground.wouldLoseSteps) event.preventDefault();
});
