// What was typed and not sent yet. It outlives its dialog, also a session that ended in the middle; secrets are not kept.
import type { Role } from '../../api/types';

const blankUser = () => ({ open: false, name: '', role: 'viewer' as Role });
const blankToken = () => ({
  open: false, name: '', role: 'viewer' as Role, addresses: '', rate: '', mqtt: false, publish: '', subscribe: '',
});
const blankCertificate = () => ({ open: false, certificate: '' });

class Drafts {
  user = $state(blankUser());
  token = $state(blankToken());
  certificate = $state(blankCertificate());
  /** Whose drafts they are: another person finds none. */
  #owner = '';

  belongTo(person: string): void {
    if (this.#owner === person) return;
    this.#owner = person;
    this.forgetUser();
    this.forgetToken();
    this.forgetCertificate();
  }

  forgetUser = () => void (this.user = blankUser());
  forgetToken = () => void (this.token = blankToken());
  forgetCertificate = () => void (this.certificate = blankCertificate());
}

export const drafts = new Drafts();
