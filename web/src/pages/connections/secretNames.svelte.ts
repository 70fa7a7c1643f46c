// The names of the secrets that are kept apart, for forms of connections.
import { asProblem } from '../../api/http';
import { addSecret, getSecrets } from '../../api/vault';
import { i18n } from '../../i18n/i18n.svelte';
import { problemLine } from '../../i18n/problem';
import type { SecretStore } from '../../ui/form/context';

class SecretNames implements SecretStore {
  names = $state.raw<readonly string[]>();

  /** What cannot be asked is not known; the field takes any name all the same. */
  load(): void {
    void getSecrets().then(
      ({ items }) => (this.names = items.filter(({ set }) => set).map(({ name }) => name)),
      () => {},
    );
  }

  async make(name: string, value: string): Promise<void> {
    await addSecret(name, value);
    this.names = [...(this.names ?? []), name];
  }

  say(cause: unknown): string {
    return problemLine(asProblem(cause), i18n.t);
  }
}

export const secretNames = new SecretNames();
