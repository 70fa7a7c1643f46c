// Which page is open, as the address bar has it.
import { type Address, formatHash, parseHash } from './hash';

/** Asked before another page opens, with where somebody wants to go; true keeps them here. */
export type Guard = (wanted: Address) => boolean;

class Place {
  #address = $state.raw<Address>(parseHash(location.hash));
  #guard: Guard | undefined;
  path = $derived(this.#address.path);
  query = $derived(this.#address.query);

  constructor() {
    addEventListener('hashchange', () => this.#read());
    addEventListener('popstate', () => this.#read());
  }

  /** Opens another page; `replace` leaves no way back to this one. */
  open(path: string, query: Record<string, string> = {}, { replace = false } = {}): void {
    const hash = formatHash({ path, query });
    if (this.#guard?.(parseHash(hash))) return;
    if (replace) history.replaceState(null, '', hash);
    else history.pushState(null, '', hash);
    this.#read();
  }

  /** Changes parameters of this page, in place. */
  set(query: Record<string, string>, options = { replace: true }): void {
    this.open(this.path, { ...this.query, ...query }, options);
  }

  /** Lets `guard` be asked until what is returned is called. */
  watch(guard: Guard): () => void {
    this.#guard = guard;
    return () => {
      if (this.#guard === guard) this.#guard = undefined;
    };
  }

  #read(): void {
    const wanted = parseHash(location.hash);
    const here = formatHash(this.#address);
    // A link or the way back has changed the address bar already.
    if (formatHash(wanted) !== here && this.#guard?.(wanted)) history.pushState(null, '', here);
    else this.#address = wanted;
  }
}

export const place = new Place();
