/** React: a conversation as a list of messages that grows while the answer streams. */
"use client";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { type Answer, chat, type SayOptions } from "./chat.js";
import { callSafely, type LonghaulError } from "./error.js";
import { useClient } from "./reactClient.js";

export interface ChatMessage {
  id: string;
  role: "user" | "assistant";
  content: string;
  /** Of an answer: `streaming` until it is complete. `stopped`: it was cancelled. */
  status: "streaming" | "done" | "failed" | "stopped";
}

export interface UseChatOptions extends Pick<SayOptions, "kind" | "params" | "deadlineSeconds"> {
  /** Continues this session, whose turns become the first messages. Default: a new session with the first message. */
  sessionId?: string;
  /** Minimum time between two renders while an answer streams, in milliseconds. Default 50. */
  throttle?: number;
  /** Called with each complete answer. */
  onFinish?: (message: ChatMessage) => void;
  onError?: (error: LonghaulError) => void;
}

export interface UsedChat {
  messages: readonly ChatMessage[];
  /** `submitted` until the answer begins, `streaming` until it ends. */
  status: "ready" | "submitted" | "streaming" | "error";
  /** Why the latest answer failed, or why the earlier turns could not be read. */
  error?: LonghaulError;
  /** Sends a message. Resolves when it is answered, whatever the answer is. */
  send(text: string): Promise<void>;
  /** Cancels the answer that is streaming. What has arrived stays. */
  stop(): void;
  /** Asks the latest question again, as a new turn of the session, and replaces the answer in the list. */
  regenerate(): Promise<void>;
  /** Known after the first message. Store it to continue the conversation later. */
  sessionId?: string;
}

/** A conversation. Its answers continue on the server when the component unmounts; they are turns of the session. */
export function useChat({ sessionId, kind, params, deadlineSeconds, throttle = 50, onFinish, onError }: UseChatOptions = {}): UsedChat {
  const longhaul = useClient("useChat");
  const talk = useMemo(() => chat(longhaul, sessionId), [longhaul, sessionId]);
  const [messages, setMessages] = useState<readonly ChatMessage[]>([]);
  const [status, setStatus] = useState<UsedChat["status"]>("ready");
  const [error, setError] = useState<LonghaulError>();
  const [knownSession, setKnownSession] = useState(sessionId);
  const callbacks = useRef({ onFinish, onError });
  useEffect(() => void (callbacks.current = { onFinish, onError }));
  /** The conversation on display, and its latest answer. */
  const current = useRef<{ talk: typeof talk; answer?: Answer; count: number }>(undefined);

  const show = useCallback(
    async (id: string, answer: Answer) => {
      const isCurrent = () => current.current?.talk === talk;
      const update = (fields: Partial<ChatMessage>) => {
        if (isCurrent()) setMessages((messages) => messages.map((message) => (message.id === id ? { ...message, ...fields } : message)));
      };
      current.current!.answer = answer;
      setStatus("submitted");
      setError(undefined);
      let whole = "";
      let timer: ReturnType<typeof setTimeout> | undefined;
      const isLatest = () => isCurrent() && current.current!.answer === answer;
      try {
        for await (const piece of answer) {
          if (!whole && isLatest()) setStatus("streaming");
          whole = piece.whole;
          timer ??= setTimeout(() => ((timer = undefined), update({ content: whole })), throttle);
        }
        update({ content: whole, status: "done" });
        if (isLatest()) setStatus("ready");
        if (isCurrent()) callSafely(() => callbacks.current.onFinish?.({ id, role: "assistant", content: whole, status: "done" }));
      } catch (reason) {
        const failure = reason as LonghaulError;
        const isStopped = failure.code === "CANCELLED";
        update({ content: whole, status: isStopped ? "stopped" : "failed" });
        if (isLatest()) setStatus(isStopped ? "ready" : "error");
        if (isLatest() && !isStopped) setError(failure);
        if (isCurrent() && !isStopped) callSafely(() => callbacks.current.onError?.(failure));
      } finally {
        clearTimeout(timer);
      }
    },
    [talk, throttle],
  );

  useEffect(() => {
    const own: NonNullable<typeof current.current> = { talk, count: 0 };
    current.current = own;
    setMessages([]);
    setStatus("ready");
    setKnownSession(sessionId);
    const load = async () => {
      for await (const turn of talk.turns()) {
        if (current.current !== own) return;
        const id = `turn-${turn.turn}`;
        const content = turn.answer ?? "";
        const status = ({ open: "streaming", completed: "done", failed: "failed", cancelled: "stopped" } as const)[turn.status];
        const earlier: ChatMessage[] = [{ id: `${id}-question`, role: "user", content: turn.message, status: "done" }, { id, role: "assistant", content, status }];
        // Messages that were sent in the meantime come last.
        setMessages((messages) => [...messages.filter((message) => message.id.startsWith("turn-")), ...earlier, ...messages.filter((message) => !message.id.startsWith("turn-"))]);
        if (turn.status === "open") void show(id, talk.follow(turn.jobId));
      }
    };
    if (sessionId) load().catch((reason: LonghaulError) => current.current === own && setError(reason));
    return () => {
      if (current.current === own) current.current = undefined;
    };
  }, [talk, sessionId, show]);

  const ask = useCallback(
    async (text: string, isAgain: boolean) => {
      const own = current.current;
      if (!own) return;
      const id = `message-${++own.count}`;
      const question: ChatMessage = { id: `${id}-question`, role: "user", content: text, status: "done" };
      const answered: ChatMessage = { id, role: "assistant", content: "", status: "streaming" };
      setMessages((messages) => {
        const lastAnswer = messages.findLastIndex(({ role }) => role === "assistant");
        return isAgain ? [...messages.slice(0, lastAnswer), answered] : [...messages, question, answered];
      });
      const answer = talk.say(text, { kind, params, deadlineSeconds, supersede: isAgain });
      void talk.sessionId().then(
        (id) => current.current === own && setKnownSession(id),
        () => {},
      );
      await show(id, answer);
    },
    [talk, kind, params, deadlineSeconds, show],
  );
  const send = useCallback((text: string) => ask(text, false), [ask]);
  const stop = useCallback(() => void current.current?.answer?.cancel().catch(() => {}), []);
  const lastQuestion = messages.findLast(({ role }) => role === "user")?.content;
  const regenerate = useCallback(async () => (lastQuestion === undefined ? undefined : ask(lastQuestion, true)), [ask, lastQuestion]);
  return { messages, status, error, send, stop, regenerate, sessionId: knownSession };
}
