// Why an instance is in its state, in the language of the person as far as the daemon has a code for it.
import type { Instance } from '../../api/types';
import { adviceText, saidText, words } from '../../i18n/said';
import type { Language } from '../../settings.svelte';

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

/** What to try. */
export function hintText({ state, hint, causes }: Told, language: Language): string {
  if (!hint || state === 'panicked') return '';
  const code = causes?.[0]?.code;
  return (code && words[language].hints[code]) || adviceText(hint, language);
}
