// What daemon and drivers say in English, in the language of the person as far as the sentence is known. Apart from the other
// texts, so that it does not belong to the first load.
import type { Language } from '../settings.svelte';
import { causes as de } from './de/causes';
import { causes as en, type Causes } from './en/causes';

export const words: Record<Language, Causes> = { de, en };

/** A sentence in other words if it is one of those that have a form; any other stays as it came. */
export function saidText(text: string, language: Language): string {
  for (const [pattern, sentence] of words[language].said) {
    const found = pattern.exec(text);
    if (found) return sentence(found.slice(1));
  }
  return text;
}

/** What to try, as far as the sentence is known. */
export function adviceText(hint: string, language: Language): string {
  const { advice } = words[language];
  return (Object.hasOwn(advice, hint) && advice[hint]) || hint;
}

/** Sentences by their English ones; in both `{}` stands for a value. In the other one `{2}` is the second, `{!}` one that is a sentence itself. */
export type Forms = Readonly<Record<string, string>>;
