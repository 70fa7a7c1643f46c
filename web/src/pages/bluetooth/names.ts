// What a device is called where it stands in a sentence.
import type { Device } from '../../api/bluetooth';
import { cutName } from '../../format/name';

/** Its own name, else its address. Names are whatever a stranger sends. */
export function nameOf({ name, address }: Pick<Device, 'name' | 'address'>, most = 40): string {
  return cutName(name?.trim() || address, most);
}
