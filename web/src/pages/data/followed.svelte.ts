// What a person wants to keep in sight: addresses of this browser, followed as long as the page is open.

const KEY = 'fieldrail.followed';
/** More are no list that one keeps in sight. */
export const MOST_FOLLOWED = 100;
const LONGEST = 4_096;

class Followed {
  all = $state.raw<string[]>(read());

  has(address: string): boolean {
    return this.all.includes(address);
  }

  /** False if the list is full. */
  add(address: string): boolean {
    if (this.has(address)) return true;
    if (this.all.length >= MOST_FOLLOWED || address.length > LONGEST) return false;
    this.#keep([...this.all, address]);
    return true;
  }

  remove(address: string): void {
    this.#keep(this.all.filter((other) => other !== address));
  }

  #keep(all: string[]): void {
    this.all = all;
    try {
      localStorage.setItem(KEY, JSON.stringify(all));
    } catch {
      // A browser that keeps nothing: the list lasts as long as the page.
    }
  }
}

function read(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(kept) ? kept.filter((one) => typeof one === 'string').slice(0, MOST_FOLLOWED) : [];
  } catch {
    return [];
  }
}

export const followed = new Followed();
