// Sending a file to a driver piece by piece.
import { callAction } from '../../api/data';
import { base64 } from '../../format/base64';

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

/** Sends all of it; `progress` hears how many bytes are there. */
export async function upload(
  instance: string,
  file: File,
  progress: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Taken> {
  let taken: Taken = { done: false };
  for (let offset = 0; offset < file.size; offset += PIECE_BYTES) {
    const bytes = new Uint8Array(await file.slice(offset, offset + PIECE_BYTES).arrayBuffer());
    const piece = { name: file.name.slice(-200), size: file.size, offset, content: base64(bytes) };
    progress(offset);
    taken = await callAction<Taken>(instance, IMPORT, piece, signal);
  }
  progress(file.size);
  return taken;
}
