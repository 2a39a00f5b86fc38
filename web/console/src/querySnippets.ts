/** Code that submits the same query from elsewhere. Pure. */

export interface Query {
  query: string;
  kind: string;
  params?: Record<string, unknown> | null;
}

export interface Snippet {
  name: string;
  code: string;
}

/** `url` is that of the WebSocket API, `wss://...`. */
export function snippetsOf({ query, kind, params }: Query, url: string): Snippet[] {
  const hasParams = params && Object.keys(params).length > 0;
  const [kindText, queryText] = [JSON.stringify(kind), JSON.stringify(query)];
  const options = hasParams ? `, { params: ${JSON.stringify(params)} }` : "";
  const frame = JSON.stringify({ action: "query", kind, query, ...(hasParams && { params }) });
  return [
    {
      name: "TypeScript",
      code: [
        'import { connect } from "longhaul-client";',
        "",
        `const longhaul = connect({ url: ${JSON.stringify(url)}, token: getToken });`,
        `const result = await longhaul.query(${kindText}, ${queryText}${options});`,
      ].join("\n"),
    },
    {
      name: "React",
      code: [
        'import { useQueryJob } from "longhaul-client/react";',
        "",
        "function Ask() {",
        `  const { submit, progress, data } = useQueryJob(${kindText}${options});`,
        "  return (",
        "    <>",
        `      <button onClick={() => submit(${queryText})}>Ask ({progress} %)</button>`,
        "      <pre>{JSON.stringify(data, null, 2)}</pre>",
        "    </>",
        "  );",
        "}",
      ].join("\n"),
    },
    {
      name: "Command line",
      code: ["longhaul ask", `--kind ${shellQuote(kind)}`, ...(hasParams ? [`--params ${shellQuote(JSON.stringify(params))}`] : []), shellQuote(query)].join(" "),
    },
    { name: "WebSocket", code: [`wscat -c "${url}?token=$TOKEN"`, `> ${frame}`].join("\n") },
  ];
}

/** The text as one word of a POSIX shell. */
function shellQuote(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
