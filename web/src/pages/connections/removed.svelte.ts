// The connection that was deleted last, so that it can come back.

class Removed {
  last = $state.raw<{ id: string; name: string }>();
}

export const removed = new Removed();
