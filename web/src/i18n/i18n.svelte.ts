// The texts in the language of this browser or of its person.
import { settings } from '../settings.svelte';
import { de } from './de';
import { en, type Texts } from './en';

class I18n {
  t = $derived<Texts>(settings.language === 'de' ? de : en);
  /** For `Intl`: numbers and times as this language writes them. */
  locale = $derived(settings.language === 'de' ? 'de-DE' : 'en-GB');
}

export const i18n = new I18n();
