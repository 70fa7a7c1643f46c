// Sending a file to a driver piece by piece.
import { callAction } from '../../api/data';

/** Bytes of one piece: with its Base64 a request stays below a megabyte. */
export const PIECE_BYTES = 512 * 1024;

/** What a driver says when all of it is there. */
export interface Taken {
  done: boolean;
  symbols?: number;
  types?: number;
  warning?: string | null;
}

/** The action that takes a file. */
export const IMPORT = 'import';
/** The action that forgets it. */
export const REMOVE_IMPORT = 'remove_import';

function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

/** Sends all of it; `progress` hears how many bytes are there. */
export async function upload(instance: string, file: File, progress: (bytes: number) => void): Promise<Taken> {
  let taken: Taken = { done: false };
  for (let offset = 0; offset < file.size; offset += PIECE_BYTES) {
    const bytes = new Uint8Array(await file.slice(offset, offset + PIECE_BYTES).arrayBuffer());
    const piece = { name: file.name.slice(-200), size: file.size, offset, content: base64(bytes) };
    progress(offset);
    taken = await callAction<Taken>(instance, IMPORT, piece);
  }
  progress(file.size);
  return taken;
}
