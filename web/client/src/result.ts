/**
 * Fetches a large result from where it lies, and believes it only if its sum is right. It refuses to know
 * jobs: a fresh URL is the caller's to get.
 */
import { LonghaulError } from "./error.js";
import type { ResultRef } from "./protocol.js";

/** The result; `RESULT_UNAVAILABLE` when the URL has lapsed, or when it leads to something else. */
export async function fetchResult(ref: ResultRef): Promise<unknown> {
  const unavailable = (reason: string) => new LonghaulError("RESULT_UNAVAILABLE", `The result could not be fetched: ${reason}.`);
  const response = await fetch(ref.url).catch((error) => {
    throw unavailable(String(error));
  });
  if (!response.ok) throw unavailable(`HTTP ${response.status}`);
  let bytes = await response.arrayBuffer();
  let isVerified = await hasDigest(bytes, ref.sha256);
  const [first, second] = new Uint8Array(bytes, 0, Math.min(2, bytes.byteLength));
  // A bucket that names the encoding lets the browser unpack; one that doesn't leaves it to us.
  if (first === 0x1f && second === 0x8b) {
    const decompressed = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    bytes = await new Response(decompressed).arrayBuffer();
    // Whether the sum is of what is stored or of what it holds, either proves the content.
    isVerified ||= await hasDigest(bytes, ref.sha256);
  }
  if (!isVerified) throw unavailable("its SHA-256 differs");
  const text = new TextDecoder().decode(bytes);
  return /json/.test(ref.contentType) ? JSON.parse(text) : text;
}

async function hasDigest(bytes: ArrayBuffer, sha256: string): Promise<boolean> {
  // Pages without TLS have no digests, and then nothing is proved.
  if (!globalThis.crypto?.subtle) return true;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256.toLowerCase();
}
