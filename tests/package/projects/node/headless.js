// Prints why device headlessgl cannot run.
import { useDevice } from 'tapegrad';

await useDevice('headlessgl').catch(({ message }) => console.log(message));
