/** The thread that trains, so that the page never waits for it. */
import { expose } from 'comlink';
import { PageTrainer } from './trainer.ts';

expose(new PageTrainer());
