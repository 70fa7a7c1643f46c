// A file as text that JSON can carry.

/** Bytes of one step: more arguments than this a call does not take everywhere. */
const STEP = 0x8000;

export function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += STEP) text += String.fromCharCode(...bytes.subarray(at, at + STEP));
  return btoa(text);
}
