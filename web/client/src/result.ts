/** Downloads a large result from its presigned URL and checks its SHA-256. */
import { LonghaulError } from "./error.js";
import type { ResultRef } from "./protocol.js";

/** The parsed result. Throws `RESULT_UNAVAILABLE` if the URL has expired, the download fails or the SHA-256 differs. */
export async function fetchResult(ref: ResultRef): Promise<unknown> {
  const unavailable = (reason: string) => new LonghaulError("RESULT_UNAVAILABLE", `Could not fetch the result: ${reason}.`);
  const response = await fetch(ref.url).catch((error) => {
    throw unavailable(String(error));
  });
  if (!response.ok) throw unavailable(`HTTP ${response.status}`);
  let bytes = await response.arrayBuffer();
  let isVerified = await hasDigest(bytes, ref.sha256);
  const [first, second] = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength));
  // With a Content-Encoding header the browser decompresses; without one the gzip magic number shows that the data is compressed.
  if (first === 0x1f && second === 0x8b) {
    const decompressed = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    bytes = await new Response(decompressed).arrayBuffer();
    // The digest may be of the compressed or of the decompressed bytes; either one verifies the content.
    isVerified ||= await hasDigest(bytes, ref.sha256);
  }
  if (!isVerified) throw unavailable("SHA-256 mismatch");
  const text = new TextDecoder().decode(bytes);
  return /json/.test(ref.contentType) ? JSON.parse(text) : text;
}

/** Whether the SHA-256 of `bytes` is this, in hexadecimal; also true where none can be computed: outside of secure contexts. */
export async function hasDigest(bytes: BufferSource, sha256: string): Promise<boolean> {
  if (!globalThis.crypto?.subtle) return true;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256.toLowerCase();
}
