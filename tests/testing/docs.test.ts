/** The programs of docs/gradients.md run as they are printed there, and print what stands below them. */
import { describePage } from '../support/pageCases.ts';

await describePage('docs/gradients.md');
