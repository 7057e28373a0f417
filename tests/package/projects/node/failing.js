// Prints as JSON what is said where an optional package is missing.
import { useDevice } from 'tapegrad';
import { imageFolder } from 'tapegrad/data';

const said = (promise) =>
  promise.then(
    () => 'nothing',
    ({ message }) => message,
  );
console.log(
  JSON.stringify({
    webgpu: await said(useDevice('webgpu')),
    headlessgl: await said(useDevice('headlessgl')),
    arbitraries: await said(import('tapegrad/testing/arbitraries')),
    pictures: await said(imageFolder(process.argv[2]).image(0)),
  }),
);
