// Short words about what has just happened. They go by themselves; bad news stays longer.

export type Tone = 'good' | 'bad';

export interface Notice {
  id: number;
  tone: Tone;
  text: string;
  hint: string;
}

const GOOD_MS = 4_000;
const BAD_MS = 15_000;
/** More would cover the page; the oldest goes. */
const MOST = 4;

class Notices {
  all = $state.raw<Notice[]>([]);
  #next = 0;

  /** Shows a notice. The same words again renew the one that is there. */
  add(tone: Tone, text: string, hint = ''): void {
    const id = this.#next++;
    const others = this.all.filter((notice) => notice.text !== text || notice.tone !== tone);
    this.all = [...others, { id, tone, text, hint }].slice(-MOST);
    setTimeout(() => this.dismiss(id), tone === 'good' ? GOOD_MS : BAD_MS);
  }

  dismiss(id: number): void {
    this.all = this.all.filter((notice) => notice.id !== id);
  }
}

export const notices = new Notices();
