// What the parts of one form share: its words, and which faults are shown now.
import { getContext, setContext } from 'svelte';
import type { Fault } from './faults';

/** The texts of a form in the language of its person. */
export interface FormWords {
  required: string;
  more: (given: number) => string;
  others: string;
  othersHelp: string;
  add: string;
  addTo: (title: string) => string;
  remove: string;
  removeOf: (title: string) => string;
  nth: (nth: number) => string;
  key: string;
  value: string;
  unset: string;
  unsetIs: (value: string) => string;
  yes: string;
  no: string;
  use: (title: string) => string;
  kinds: { text: string; number: string; switch: string; list: string; map: string; object: string; choice: string; secret: string };
  secret: {
    typed: string;
    stored: string;
    how: string;
    isSet: string;
    change: string;
    keep: string;
    show: string;
    hide: string;
    name: string;
    nameHelp: string;
    unknown: string;
    itself: string;
    make: string;
  };
  fault: (fault: Fault) => string;
}

/** The secrets that are kept apart, as far as a form needs them. */
export interface SecretStore {
  /** Their names; undefined until they are known. */
  readonly names: readonly string[] | undefined;
  load: () => void;
  /** Keeps one more. Throws what cannot be. */
  make: (name: string, value: string) => Promise<void>;
  /** Why it cannot be, in words. */
  say: (cause: unknown) => string;
}

export interface FormContext {
  readonly words: FormWords;
  /** Where secrets are kept; none where a form has nothing to do with them. */
  readonly secrets: SecretStore | undefined;
  /** What is said about the value at this path; empty while nothing is. */
  said(path: string): string;
  /** Somebody has been at this path. */
  touch(path: string): void;
}

const KEY = Symbol('form');

export const setForm = (form: FormContext): FormContext => setContext(KEY, form);
export const getForm = (): FormContext => getContext<FormContext>(KEY);

/** What each part gets. `undefined` as the value means that nothing is given. */
export interface PartProps<F> {
  field: F;
  value: unknown;
  path: string;
  onchange: (value: unknown) => void;
}

/** What an input says to who cannot see it. */
export interface Described {
  id: string;
  'aria-describedby': string | undefined;
  'aria-invalid': boolean;
  'aria-required': boolean;
}
