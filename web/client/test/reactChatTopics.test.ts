// @vitest-environment happy-dom
/** Tests of the hooks for conversations, topics and the inbox, in StrictMode. */
import { describe, expect, it, vi } from "vitest";
import { useChat } from "../src/reactChat.js";
import { useInbox, useTopic } from "../src/reactTopics.js";
import type { EventBody } from "./scriptedServer.js";
import { longhaul, renderHook, server, flush, sockets } from "./reactFixture.js";

const emit = (number: number, ...bodies: EventBody[]) => flush(() => bodies.forEach((body) => server.emit(server.jobs.get(`job-${number}`)!, body)));
const chunk = (content: string): EventBody => ({ type: "chunk", content });
const end: EventBody = { type: "job_completed", result: { response: "in the result" } };

describe("useChat", () => {
  it("shows messages as they are sent and streamed, and the status", async () => {
    const onFinish = vi.fn();
    const hook = await renderHook(() => useChat({ throttle: 0, onFinish }));
    expect(hook.current).toMatchObject({ messages: [], status: "ready", sessionId: undefined });
    await flush(() => void hook.current.send("Hello"));
    expect(hook.current).toMatchObject({ status: "submitted", sessionId: "session-1" });
    expect(hook.current.messages).toMatchObject([{ role: "user", content: "Hello" }, { role: "assistant", content: "", status: "streaming" }]);
    await emit(1, chunk("Good "));
    await flush();
    expect(hook.current).toMatchObject({ status: "streaming", messages: [{}, { content: "Good " }] });
    await emit(1, chunk("day."), end);
    await flush();
    expect(hook.current).toMatchObject({ status: "ready", error: undefined, messages: [{}, { content: "Good day.", status: "done" }] });
    expect(onFinish.mock.calls).toMatchObject([[{ content: "Good day." }]]);
    expect(new Set(hook.current.messages.map(({ id }) => id)).size).toBe(2);
  });

  it("stops an answer and keeps what has arrived, and regenerates it as a new turn", async () => {
    const hook = await renderHook(() => useChat({ sessionId: undefined, throttle: 0 }));
    await flush(() => void hook.current.send("Hello"));
    await emit(1, chunk("Go"));
    await flush(() => hook.current.stop());
    await flush();
    expect(hook.current).toMatchObject({ status: "ready", error: undefined, messages: [{}, { content: "Go", status: "stopped" }] });
    await flush(() => void hook.current.regenerate());
    expect(sockets.last.sentFrames("query").at(-1)).toMatchObject({ query: "Hello", supersede: true, sessionId: "session-1" });
    await emit(2, chunk("Good day."), end);
    await flush();
    expect(hook.current.messages.map(({ role, content }) => [role, content])).toEqual([["user", "Hello"], ["assistant", "Good day."]]);
  });

  it("shows why an answer failed, and goes on", async () => {
    const onError = vi.fn();
    const hook = await renderHook(() => useChat({ throttle: 0, onError }));
    await flush(() => void hook.current.send("Hello"));
    await emit(1, { type: "job_failed", error: "It broke.", code: "BROKEN", retryable: false, attempts: 1 });
    await flush();
    expect(hook.current).toMatchObject({ status: "error", error: { code: "BROKEN" }, messages: [{}, { status: "failed" }] });
    await flush(() => void hook.current.send("Again"));
    expect([hook.current.status, hook.current.error, onError.mock.calls.length]).toEqual(["submitted", undefined, 1]);
  });

  it("continues a session: earlier turns, and the answer that is still open", async () => {
    for (const text of ["One", "Two"]) longhaul.query("chat", text, { sessionId: "s" });
    await emit(1, chunk("First"), end);
    await emit(2, chunk("Sec"));
    const hook = await renderHook(() => useChat({ sessionId: "s", throttle: 0 }));
    await flush();
    await flush();
    expect(hook.current.messages.map(({ role, content }) => [role, content])).toEqual([["user", "One"], ["assistant", ""], ["user", "Two"], ["assistant", "Sec"]]);
    expect(hook.current.status).toBe("streaming");
    await emit(2, chunk("ond"), end);
    await flush();
    expect(hook.current).toMatchObject({ status: "ready", messages: [{}, {}, {}, { content: "Second", status: "done" }] });
  });
});

describe("useTopic", () => {
  it("collects the latest notifications while it is mounted", async () => {
    const onNotification = vi.fn();
    const hook = await renderHook(() => useTopic<{ n: number }>("deals", { limit: 2, onNotification }));
    await flush();
    expect(hook.current).toMatchObject({ isSubscribed: true, items: [] });
    expect(server.subscriptions.size).toBe(1);
    await flush(() => [1, 2, 3].forEach((n) => server.publish("deals", { n })));
    expect([hook.current.items.map(({ data }) => data.n), hook.current.latest?.data.n, onNotification.mock.calls.length]).toEqual([[2, 3], 3, 3]);
    await hook.unmount();
    expect(server.subscriptions.size).toBe(0);
  });

  it("says why it is refused, and subscribes to nothing without a name", async () => {
    sockets.last.onFrame = ({ requestId }) => sockets.last.deliver({ type: "error", content: "No.", data: { code: "VALIDATION_ERROR" }, requestId });
    const hook = await renderHook(() => useTopic("no such"));
    await flush();
    expect(hook.current).toMatchObject({ isSubscribed: false, error: { code: "VALIDATION_ERROR" } });
    const asked = sockets.last.sent.length;
    await hook.rerender(() => useTopic(null));
    expect([hook.current.error, sockets.last.sent.length]).toEqual([undefined, asked]);
  });
});

it("useInbox lists entries until they are acknowledged", async () => {
  const hook = await renderHook(() => useInbox());
  const note = (id: string) => ({ type: "deal", data: {}, notificationId: id, timestamp: 1 });
  await flush(() => ["a", "b"].forEach((id) => sockets.last.deliver(note(id))));
  expect(hook.current.entries.map(({ id }) => id)).toEqual(["a", "b"]);
  await flush(() => void hook.current.acknowledge("a"));
  expect([hook.current.entries.map(({ id }) => id), sockets.last.sentFrames("notificationAck").length]).toEqual([["b"], 1]);
  sockets.last.onFrame = ({ requestId }) => sockets.last.deliver({ type: "error", content: "No.", data: { code: "NOT_FOUND" }, requestId });
  await flush(() => void hook.current.acknowledge("b").catch(() => {}));
  expect(hook.current.entries.map(({ id }) => id)).toEqual(["b"]);
});
