// What this browser remembers about how a person likes the pages. Nothing of it leaves the browser.

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];
export const languages = ['de', 'en'] as const;
export type Language = (typeof languages)[number];
export const layouts = ['tiles', 'table'] as const;
export type Layout = (typeof layouts)[number];

const KEY = 'fieldrail.';

/** The stored choice if it is still one of those that exist. */
function stored<T extends string>(name: string, choices: readonly T[], otherwise: T): T {
  const text = localStorage.getItem(KEY + name);
  return choices.find((choice) => choice === text) ?? otherwise;
}

function browserLanguage(): Language {
  return navigator.languages.some((tag) => /^de\b/i.test(tag)) ? 'de' : 'en';
}

class Settings {
  theme = $state.raw(stored('theme', themes, 'system'));
  language = $state.raw(stored('language', languages, browserLanguage()));
  layout = $state.raw(stored('layout', layouts, 'tiles'));

  setTheme(theme: Theme): void {
    this.theme = theme;
    localStorage.setItem(`${KEY}theme`, theme);
    this.apply();
  }

  setLanguage(language: Language): void {
    this.language = language;
    localStorage.setItem(`${KEY}language`, language);
    this.apply();
  }

  setLayout(layout: Layout): void {
    this.layout = layout;
    localStorage.setItem(`${KEY}layout`, layout);
  }

  /** Tells the document; the style sheet does the rest. */
  apply(): void {
    const root = document.documentElement;
    root.lang = this.language;
    if (this.theme === 'system') delete root.dataset['theme'];
    else root.dataset['theme'] = this.theme;
  }
}

export const settings = new Settings();
