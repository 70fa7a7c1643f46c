// What the drivers can be asked to do, as they declare it themselves.
import { getPlugins, type Action } from '../../api/data';
import { instances } from '../../live/live';

class Actions {
  #byDriver = $state.raw<ReadonlyMap<string, Action[]>>();
  #asked = false;

  /** Asks once; a failure leaves the buttons out, and the next visit asks again. */
  async load(): Promise<void> {
    if (this.#asked) return;
    this.#asked = true;
    try {
      const { items } = await getPlugins();
      this.#byDriver = new Map(items.map(({ name, capabilities }) => [name, capabilities.actions ?? []]));
    } catch {
      this.#asked = false;
    }
  }

  /** The action of this name that an instance has. */
  of(instance: string, name: string): Action | undefined {
    const driver = instances.byId(instance)?.driver;
    return driver === undefined ? undefined : this.#byDriver?.get(driver)?.find((action) => action.name === name);
  }
}

export const actions = new Actions();
