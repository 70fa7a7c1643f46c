// How a write or a pulse ended, as a lamp and words.
import type { Problem } from '../../api/http';
import type { WriteAnswer } from '../../api/types';
import type { Texts } from '../../i18n/en';
import { refusals } from '../../i18n/refusals.svelte';
import { problemWords } from '../../i18n/problem';
import type { Tone } from '../../ui/Lamp.svelte';

export interface Ended {
  tone: Tone;
  text: string;
  hint?: string;
}

export function endedWords({ outcome, ...said }: WriteAnswer, t: Texts, confirmed: string): Ended {
  const [reason, hint] = [refusals.text(said.reason ?? ''), refusals.text(said.hint ?? '')];
  switch (outcome) {
    case 'confirmed':
      return { tone: 'good', text: confirmed };
    case 'rejected':
      return { tone: 'bad', text: reason ? `${t.write.rejected}: ${reason}` : t.write.rejected, hint };
    case 'pending':
      return { tone: 'warn', text: t.write.stillPending, hint: reason };
    default:
      return { tone: 'warn', text: t.write[outcome], hint: reason };
  }
}

export function failedWords(problem: Problem, t: Texts): Ended {
  const { title, detail, hint } = problemWords(problem, t);
  return { tone: 'bad', text: detail || title, hint };
}
