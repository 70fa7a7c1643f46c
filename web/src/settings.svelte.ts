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

/** The frame that a phone draws around an installed page: as the header, see `tokens.css`. */
const FRAMES = { light: '#ffffff', dark: '#191f22' };

function paintFrame(theme: Theme): void {
  for (const meta of document.querySelectorAll<HTMLMetaElement>('meta[name="theme-color"]')) {
    const own = meta.media.includes('dark') ? 'dark' : 'light';
    meta.content = FRAMES[theme === 'system' ? own : theme];
  }
}

class Settings {
  theme = $state.raw(stored('theme', themes, 'system'));
  language = $state.raw(stored('language', languages, browserLanguage()));
  layout = $state.raw(stored('layout', layouts, 'tiles'));

  /** Takes what was chosen in another tab. */
  follow(): void {
    addEventListener('storage', ({ key }) => {
      if (key !== null && !key.startsWith(KEY)) return;
      this.theme = stored('theme', themes, 'system');
      this.language = stored('language', languages, browserLanguage());
      this.layout = stored('layout', layouts, 'tiles');
      this.apply();
    });
  }

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
    paintFrame(this.theme);
  }
}

export const settings = new Settings();
