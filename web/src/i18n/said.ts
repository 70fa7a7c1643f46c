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

/** What stands in the gaps of a form; undefined if the text has another one. Nothing is looked at twice, however long the text is. */
function values(form: string, text: string): string[] | undefined {
  const [first = '', ...parts] = form.split('{}');
  const last = parts.pop() ?? '';
  const end = text.length - last.length;
  if (!text.startsWith(first) || !text.endsWith(last)) return undefined;
  const found: string[] = [];
  let at = first.length;
  for (const part of parts) {
    const next = text.indexOf(part, at);
    if (next < 0) return undefined;
    found.push(text.slice(at, next));
    at = next + part.length;
  }
  return at <= end ? [...found, text.slice(at, end)] : undefined;
}

/** A sentence by the first form that fits; undefined if none does. `again` says what stands in it. */
export function formText(text: string, forms: Forms, again: (text: string) => string): string | undefined {
  if (Object.hasOwn(forms, text)) return forms[text];
  for (const [form, sentence] of Object.entries(forms)) {
    const found = form.includes('{}') ? values(form, text) : undefined;
    if (!found) continue;
    let next = 0;
    return sentence.replace(/\{(\d?)(!?)\}/g, (_, nth: string, isSentence: string) => {
      const value = found[nth ? Number(nth) - 1 : next++] ?? '';
      return isSentence ? again(value) : value;
    });
  }
  return undefined;
}
