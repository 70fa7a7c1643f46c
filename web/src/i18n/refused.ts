// German for what the daemon refuses, with all its words; fetched by `refusals.svelte.ts`.
import { refused } from './de/refused';
import { words } from './de/refused/words';
import { adviceText, saidText } from './said';

/** No sentence of the daemon is longer; a text that is comes from elsewhere. */
const LONGEST = 2_000;
/** How many words such as `routing.json:` may stand before what is known. */
const MOST_BEFORE = 4;

/** What stands around the gaps of each form that has some, with its sentence. */
const forms = Object.entries(refused)
  .map(([form, sentence]) => [form.split('{}'), sentence] as const)
  .filter(([around]) => around.length > 1);

/** A sentence in German; also one that begins with the file, key or name that it is about. Any other stays as it came. */
export function refusedText(english: string): string {
  if (english.length > LONGEST) return english;
  const whole = formText(english);
  if (whole !== undefined) return whole;
  const other = saidText(adviceText(english, 'de'), 'de');
  if (other !== english) return other;
  for (let at = english.indexOf(': '), n = 0; at >= 0 && n < MOST_BEFORE; at = english.indexOf(': ', at + 2), n++) {
    const known = formText(english.slice(at + 2));
    if (known !== undefined) return english.slice(0, at + 2) + known;
  }
  return english;
}

/** The sentence of the first form that fits; undefined if none does. */
function formText(english: string): string | undefined {
  if (Object.hasOwn(refused, english)) return refused[english];
  for (const [around, sentence] of forms) {
    const found = values(around, english);
    if (!found) continue;
    let next = 0;
    return sentence.replace(/\{(\d?)(!?)\}/g, (_, nth: string, isSentence: string) => {
      const value = found[nth ? Number(nth) - 1 : next++] ?? '';
      return isSentence ? within(value) : value;
    });
  }
  return undefined;
}

/** What stands in the gaps; undefined if the text has another form. Nothing is looked at twice, however long the text is. */
function values(around: readonly string[], text: string): string[] | undefined {
  const first = around[0] ?? '';
  const last = around.at(-1) ?? '';
  const end = text.length - last.length;
  if (!text.startsWith(first) || !text.endsWith(last)) return undefined;
  const found: string[] = [];
  let at = first.length;
  for (const part of around.slice(1, -1)) {
    const next = text.indexOf(part, at);
    if (next < 0) return undefined;
    found.push(text.slice(at, next));
    at = next + part.length;
  }
  return at <= end ? [...found, text.slice(at, end)] : undefined;
}

/** What stands in a sentence: one of the words that may stand there, or a sentence itself. */
function within(english: string): string {
  return (Object.hasOwn(words, english) && words[english]) || refusedText(english);
}
