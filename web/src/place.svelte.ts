// Which page is open, as the address bar has it.
import { type Address, formatHash, parseHash } from './hash';

class Place {
  #address = $state.raw<Address>(parseHash(location.hash));
  path = $derived(this.#address.path);
  query = $derived(this.#address.query);

  constructor() {
    addEventListener('hashchange', () => this.#read());
    addEventListener('popstate', () => this.#read());
  }

  /** Opens another page; `replace` leaves no way back to this one. */
  open(path: string, query: Record<string, string> = {}, { replace = false } = {}): void {
    const hash = formatHash({ path, query });
    if (replace) history.replaceState(null, '', hash);
    else history.pushState(null, '', hash);
    this.#read();
  }

  /** Changes parameters of this page, in place. */
  set(query: Record<string, string>, options = { replace: true }): void {
    this.open(this.path, { ...this.query, ...query }, options);
  }

  #read(): void {
    this.#address = parseHash(location.hash);
  }
}

export const place = new Place();
