// What takes an action on an instance back. Pure.
import type { InstanceAction } from '../../api/types';

const BACK: Partial<Record<InstanceAction, InstanceAction>> = {
  start: 'stop',
  stop: 'start',
  attach: 'detach',
  detach: 'attach',
};

/** The action that takes `action` back; none where nothing can. */
export function undoOf(action: InstanceAction): InstanceAction | undefined {
  return BACK[action];
}
