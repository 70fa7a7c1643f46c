// Why an instance is in its state, in the language of the person as far as the daemon has a code for it.
import type { Instance } from '../../api/types';
import { causes as de } from '../../i18n/de/causes';
import { causes as en, type Causes } from '../../i18n/en/causes';
import type { Language } from '../../settings.svelte';

/** Apart from the other texts, so that they do not belong to the first load. */
const words: Record<Language, Causes> = { de, en };

type Told = Pick<Instance, 'state' | 'text' | 'hint' | 'causes'>;

/** The cause in words. A sentence without a code, or of a newer daemon, stays as it came. */
export function causeText({ state, text, causes }: Told, language: Language): string {
  const t = words[language];
  if (state === 'panicked') return t.panicked;
  if (!causes || causes.length === 0) return saidText(text, language);
  const told = causes.map((cause) => (cause.code && t.sentences[cause.code]?.(cause.with ?? {})) || saidText(cause.text, language));
  // What the daemon has joined in its own way stays so where nothing of it is known.
  return told.every((one, nth) => one === causes[nth]?.text) ? text : told.join('; ');
}

/** What a driver says, in other words if it is one of the sentences that all drivers share. */
export function saidText(text: string, language: Language): string {
  for (const [pattern, sentence] of words[language].said) {
    const found = pattern.exec(text);
    if (found) return sentence(found.slice(1));
  }
  return text;
}

/** What to try. */
export function hintText({ state, hint, causes }: Told, language: Language): string {
  if (!hint || state === 'panicked') return '';
  const code = causes?.[0]?.code;
  return (code && words[language].hints[code]) || saidText(hint, language);
}
