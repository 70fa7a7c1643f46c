// Why an instance is in its state. The daemon says it in English; other languages have each of its sentences by its code.

/** A sentence from what stands in it. */
export type Sentence = (values: Record<string, string>) => string;

export interface Causes {
  /** The house is in panic: whatever the instance says itself does not matter. */
  panicked: string;
  sentences: Record<string, Sentence>;
  /** Sentences of drivers, which have no code but a form that all drivers share; the first that fits. */
  said: readonly [RegExp, (parts: string[]) => string][];
  /** What to try, by the code of the first sentence. */
  hints: Record<string, string>;
  /** What to try, by the English sentence, where that has no code. */
  advice: Readonly<Record<string, string>>;
}

export const causes: Causes = {
  panicked: 'was ended by the panic; an administrator re-arms it',
  sentences: {},
  said: [],
  hints: {},
  advice: {},
};
