// The question before something is sent: whether a person means it, and the code of the house.
import type { WidgetEntry } from '../../api/dashboards';
import type { Ask } from './live.svelte';

export interface Question {
  widget: WidgetEntry;
  /** Whether a code is asked for; if not, only a yes. */
  pin: boolean;
  answer: (given: { pin?: string } | undefined) => void;
}

export class Asking {
  /** The one that is open. */
  now = $state.raw<Question>();

  readonly ask: Ask = (widget) => {
    const asks = widget.options?.['asks'] === true;
    if (!widget.pin && !asks) return Promise.resolve({});
    // A second press while one is asked is none.
    if (this.now) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const answer: Question['answer'] = (given) => {
        this.now = undefined;
        resolve(given);
      };
      this.now = { widget, pin: widget.pin === true, answer };
    });
  };
}
