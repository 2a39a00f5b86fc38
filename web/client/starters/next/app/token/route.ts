/** Gives the page a development token, which the embedded cloud signs. In production, return that of the signed-in user. */
export async function POST() {
  const response = await fetch(`${process.env.LONGHAUL_URL}/_local/token?user=alice`, { method: "POST" });
  if (!response.ok) return new Response(null, { status: 502 });
  const { token } = await response.json();
  return new Response(token);
}
