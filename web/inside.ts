/** Looks into the network between two steps, and shows what is there. */
import type { Remote } from 'comlink';
import { element } from './page.ts';
import type { StepText, Trainer } from './protocol.ts';
import { showInspection } from './views/inspection.ts';
import { showStep } from './views/stepText.ts';

export class Inside {
  private looking = false;
  private readonly places = {
    predictions: element('predictions', HTMLElement),
    responses: element('responses', HTMLElement),
    gradients: element('gradients', HTMLElement),
    filters: element('filters', HTMLElement),
  };
  private readonly stepPlaces = {
    times: element('times', HTMLElement),
    plan: element('plan', HTMLElement),
    tape: element('tape-text', HTMLElement),
  };

  constructor(
    private readonly trainer: Remote<Trainer>,
    /** Called when the network may answer differently than before. */
    private readonly seen: () => void,
  ) {}

  /** While one look is under way no second one begins. */
  async look(): Promise<void> {
    if (this.looking) return;
    this.looking = true;
    try {
      showInspection(this.places, await this.trainer.inspect());
      this.seen();
    } finally {
      this.looking = false;
    }
  }

  showStep(step: StepText): void {
    showStep(this.stepPlaces, step);
  }
}
