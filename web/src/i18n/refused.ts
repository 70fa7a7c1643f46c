// German for what the daemon refuses, with all its words; fetched by `refusals.svelte.ts`.
import { refused } from './de/refused';
import { words } from './de/refused/words';
import { adviceText, formText, saidText } from './said';

/** No sentence of the daemon is longer; a text that is comes from elsewhere. */
const LONGEST = 2_000;
/** How many words such as `routing.json:` may stand before what is known. */
const MOST_BEFORE = 4;

/** A sentence in German; also one that begins with the file, key or name that it is about. Any other stays as it came. */
export function refusedText(english: string): string {
  if (english.length > LONGEST) return english;
  const whole = formText(english, refused, within);
  if (whole !== undefined) return whole;
  const other = saidText(adviceText(english, 'de'), 'de');
  if (other !== english) return other;
  for (let at = english.indexOf(': '), n = 0; at >= 0 && n < MOST_BEFORE; at = english.indexOf(': ', at + 2), n++) {
    const known = formText(english.slice(at + 2), refused, within);
    if (known !== undefined) return english.slice(0, at + 2) + known;
  }
  return english;
}

/** What stands in a sentence: one of the words that may stand there, or a sentence itself. */
function within(english: string): string {
  return (Object.hasOwn(words, english) && words[english]) || refusedText(english);
}
