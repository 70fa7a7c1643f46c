// What may stand at the caret of a condition or a transform. Pure; which words there are says the daemon.
import type { Language, Word } from '../../api/routing';

/** What is written at the caret, from where on, and of which kind a completion would be. */
export interface Caret {
  kind: 'step' | 'word' | 'address' | 'none';
  from: number;
  typed: string;
}

export interface Suggestion {
  kind: 'step' | 'function' | 'variable' | 'operator' | 'address';
  name: string;
  /** How it is written, or what it is called. */
  usage: string;
  help: string;
  /** What takes the place of what was typed. */
  insert: string;
}

const OPERATORS = ['and', 'or', 'not', 'in', 'true', 'false', 'null', 'else', 'every'];

/** Reads the text up to the caret. Texts in quotes are none of our business, but for the address of `dp("…")`. */
export function caretIn(text: string, caret: number, isTransform: boolean): Caret {
  const calls: string[] = [];
  let quote = '';
  let quoteAt = 0;
  let name = '';
  for (let at = 0; at < caret; at += 1) {
    const c = text[at]!;
    if (quote) {
      if (c === '\\') at += 1;
      else if (c === quote) quote = '';
      continue;
    }
    if (c === '"' || c === "'") [quote, quoteAt] = [c, at + 1];
    else if (c === '(') calls.push(name);
    else if (c === ')') calls.pop();
    name = /\w/.test(c) ? (/\w/.test(text[at - 1] ?? '') ? name + c : c) : c === ' ' ? name : '';
  }
  if (quote) {
    const isAddress = calls.at(-1) === 'dp';
    return { kind: isAddress ? 'address' : 'none', from: quoteAt, typed: text.slice(quoteAt, caret) };
  }
  const typed = /[A-Za-z_]\w*$/.exec(text.slice(0, caret))?.[0] ?? '';
  // A step's own arguments are constants; only `expr(…)` holds an expression.
  const kind = !isTransform || calls.includes('expr') ? 'word' : calls.length === 0 ? 'step' : 'none';
  return { kind, from: caret - typed.length, typed };
}

const callOf = (word: Word) => (word.usage.startsWith(`${word.name}(`) ? `${word.name}(` : word.name);

/** The words that fit what is typed: those that begin so first, then those that hold it. */
export function suggest(language: Language, caret: Caret, help: (kind: string, word: Word) => string): Suggestion[] {
  if (caret.kind === 'none' || caret.kind === 'address') return [];
  const of = (kind: Suggestion['kind'], words: Word[]) =>
    words.map((word) => ({ kind, name: word.name, usage: word.usage, help: help(kind, word), insert: callOf(word) }));
  const operators = OPERATORS.map((name) => ({ kind: 'operator' as const, name, usage: name, help: '', insert: name }));
  const all =
    caret.kind === 'step'
      ? of('step', language.steps)
      : [...of('variable', language.variables), ...of('function', language.functions), ...operators];
  const typed = caret.typed.toLowerCase();
  const begins = all.filter(({ name }) => name.startsWith(typed));
  const holds = typed ? all.filter(({ name }) => !name.startsWith(typed) && name.includes(typed)) : [];
  const found = [...begins, ...holds];
  // What is written out already needs no suggestion.
  return found.length === 1 && found[0]!.name === typed ? [] : found;
}

/** The text with the suggestion in place of what was typed, and where the caret is then. */
export function accept(text: string, caret: number, from: number, insert: string): { text: string; caret: number } {
  const behind = text.slice(caret);
  const ends = insert.endsWith('(') && behind.startsWith('(') ? insert.slice(0, -1) : insert;
  return { text: text.slice(0, from) + ends + behind, caret: from + ends.length };
}

/** A stretch of characters as units of UTF-16, which is what the browser counts in. */
export function unitsOf(text: string, span: { start: number; end: number }): { start: number; end: number } {
  const characters = [...text];
  const units = (count: number) => characters.slice(0, count).join('').length;
  return { start: units(span.start), end: units(span.end) };
}

/** The word that a message thinks was meant. */
export const nearWord = (message: string) => /did you mean `([^`]+)`/.exec(message)?.[1];

/** The stretch that a finding is about: its own, or the first word of its message that stands in the text. */
export function stretch(
  text: string,
  { message, span }: { message: string; span?: { start: number; end: number } },
): { start: number; end: number } | undefined {
  if (span) {
    const { start, end } = unitsOf(text, span);
    // At the end of the text there is nothing to underline but what is before it.
    return start < text.length ? { start, end: Math.max(end, start + 1) } : { start: Math.max(0, text.length - 1), end: text.length };
  }
  for (const [, word] of message.matchAll(/`([^`]+)`/g)) {
    const start = text.toLowerCase().indexOf(word!.toLowerCase());
    if (start >= 0) return { start, end: start + word!.length };
  }
  return undefined;
}
