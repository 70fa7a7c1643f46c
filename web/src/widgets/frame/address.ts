// Whether something is the address of a page. Pure.

/** Only pages of the web: nothing that would run in this one. */
export function isWeb(url: string): boolean {
  try {
    return ['http:', 'https:'].includes(new URL(url).protocol);
  } catch {
    return false;
  }
}
