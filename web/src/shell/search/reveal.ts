// Brings one part of a page to the eye once the page is there.

/** Looks so often, and gives up after so many looks: the part may have gone meanwhile. */
const LOOK_MS = 50;
const LOOKS = 60;

/** Scrolls to the part with this `data-testid` and gives it the focus. */
export function reveal(testid: string, looks = LOOKS): void {
  const part = document.querySelector<HTMLElement>(`[data-testid="${CSS.escape(testid)}"]`);
  if (!part) {
    if (looks > 0) setTimeout(() => reveal(testid, looks - 1), LOOK_MS);
    return;
  }
  part.tabIndex = -1;
  part.scrollIntoView({ block: 'center' });
  part.focus({ preventScroll: true });
}
