// Something that is dragged out of a list: a datapoint or a kind of widget. By mouse at once, by finger after a long press, so
// that the list still scrolls.

export interface Dragged {
  /** What is shown beside the pointer. */
  label: string;
  address?: string;
  kind?: string;
}

export interface Target {
  element: HTMLElement;
  /** `grid`, `widget`, `slot`: as `data-drop` has it. */
  what: string;
}

/** A mouse that moved less has clicked. */
const MOVED_PX = 6;
const LONG_PRESS_MS = 350;

class Dragging {
  now = $state.raw<Dragged>();
  at = $state.raw({ x: 0, y: 0 });
  /** What it would be dropped on. */
  over = $state.raw<Target>();
  #end: (() => void) | undefined;

  /** Begins with a pointer that went down on `dragged`; `drop` is called where it is let go. */
  grab(event: PointerEvent, dragged: Dragged, drop: (target: Target, x: number, y: number) => void): void {
    if (event.button !== 0 || this.#end) return;
    const { clientX, clientY, pointerId, pointerType } = event;
    const isMouse = pointerType === 'mouse';
    const listening = new AbortController();
    const { signal } = listening;
    const begin = () => {
      this.now = dragged;
      this.#look(clientX, clientY);
    };
    const timer = isMouse ? undefined : setTimeout(begin, LONG_PRESS_MS);
    const end = () => {
      clearTimeout(timer);
      listening.abort();
      [this.now, this.over] = [undefined, undefined];
      this.#end = undefined;
    };
    this.#end = end;

    addEventListener('pointermove', (move) => {
      if (move.pointerId !== pointerId) return;
      const far = Math.hypot(move.clientX - clientX, move.clientY - clientY) > MOVED_PX;
      if (!this.now && far && isMouse) begin();
      // A finger that moves before it has waited scrolls.
      else if (!this.now && far) return end();
      if (this.now) this.#look(move.clientX, move.clientY);
    }, { signal });
    addEventListener('pointerup', (up) => {
      if (up.pointerId !== pointerId) return;
      const { over, now } = this;
      end();
      if (now && over) drop(over, up.clientX, up.clientY);
      // The click that follows belongs to the drag.
      if (now) addEventListener('click', (click) => (click.stopPropagation(), click.preventDefault()), { capture: true, once: true, signal: AbortSignal.timeout(50) });
    }, { signal });
    addEventListener('pointercancel', end, { signal });
    addEventListener('touchmove', (move) => this.now && move.preventDefault(), { signal, passive: false });
    addEventListener('keydown', (key) => {
      if (key.key !== 'Escape') return;
      key.stopPropagation();
      end();
    }, { signal, capture: true });
  }

  #look(x: number, y: number): void {
    this.at = { x, y };
    const element = document.elementsFromPoint(x, y).map((one) => one.closest<HTMLElement>('[data-drop]')).find((one) => one !== null);
    const what = element?.dataset['drop'];
    this.over = element && what ? { element, what } : undefined;
  }
}

export const dragging = new Dragging();
