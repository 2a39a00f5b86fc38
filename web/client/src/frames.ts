/** Generated from spec/schemas by `npm run frames`: the frames on the wire. */

/**
 * Whether a connection is open.
 */
export type ConnectionStatus = "CONNECTED" | "DISCONNECTED";
/**
 * The state of a job.
 */
export type JobStatus = "queued" | "processing" | "completed" | "failed" | "cancelled";
/**
 * The status of a subscription that has begun.
 */
export type ActiveStatus = "active";
/**
 * Whether a message has arrived.
 */
export type DeliveryStatus = "delivered" | "stored";
/**
 * `STREAM_RESET`: a retry took back text that was already sent, and `subscribe` returns the new answer. `CANCELLED`: the answer was cancelled. Otherwise why the job failed.
 */
export type DialectErrorCode = ("STREAM_RESET" | "CANCELLED") | JobErrorCode;
/**
 * The status of a subscription that is over.
 */
export type EndedStatus = "ended";
/**
 * Why a frame was refused.
 */
export type ErrorCode =
  | "AUTHENTICATION_ERROR"
  | "AUTHORIZATION_ERROR"
  | "VALIDATION_ERROR"
  | "CONFLICT"
  | "RATE_LIMIT_EXCEEDED"
  | "NOT_FOUND"
  | "CONNECTION_ERROR"
  | "INTERNAL_ERROR";
/**
 * The status of a job that is unknown, past its retention, or another user's.
 */
export type Gone = "gone";
/**
 * Why a job failed: one of the codes in `docs/error-codes.md`, or one that an analysis of your own gave.
 */
export type JobErrorCode =
  | (
      | "POISON"
      | "DEADLINE"
      | "UNKNOWN_KIND"
      | "EXPIRED"
      | "TIMEOUT"
      | "CRASHED"
      | "UNWRITTEN"
      | "RESULT_TOO_LARGE"
      | "STEP_NAME"
      | "STEP_NOT_JSON"
      | "STEP_TOO_LARGE"
      | "BAD_PARAMS"
      | "FUNCTION_FAILED"
      | "AGENT_REJECTED"
      | "PROGRAM_REJECTED"
      | "PROGRAM_FAILED"
      | "PROGRAM_DIED"
      | "UNSEALED"
      | "NO_RECORDING"
      | "BAD_TRANSCRIPTION"
      | "MODEL_THROTTLED"
      | "MODEL_QUOTA"
      | "MODEL_NOT_READY"
      | "MODEL_UNAVAILABLE"
      | "MODEL_TIMEOUT"
      | "MODEL_FAILED"
      | "MODEL_INTERRUPTED"
      | "MODEL_REFUSED_INPUT"
      | "MODEL_ACCESS_DENIED"
      | "MODEL_NOT_FOUND"
      | "MODEL_CONVERSATION_TOO_LONG"
      | "MODEL_NO_ANSWER"
      | "MODEL_UNREADABLE"
      | "BILL_UNREADABLE"
      | "BILL_UNREACHABLE"
      | "BILL_REPLACED"
      | "SOURCE_UNREADABLE"
      | "SOURCE_UNREACHABLE"
      | "SOURCE_REFUSED"
      | "NOOP_FAILED"
      | "NOOP_REJECTED"
    )
  | string;
/**
 * An event of a job.
 */
export type JobEvent =
  | JobQueued
  | ProgressUpdate
  | Chunk
  | StreamReset
  | AttemptStarted
  | AttemptFailed
  | WorkerLost
  | HandedOver
  | Step
  | JobCompleted
  | JobFailed
  | JobCancelled;
/**
 * A job, or that you have no such job.
 */
export type JobResponse = JobWithResult | GoneJob;
/**
 * The status of a turn that is not answered yet.
 */
export type Open = "open";
/**
 * What an attempt does.
 */
export type ProgressStatus = "processing" | "retrying";
/**
 * Whether an entry of the inbox is read.
 */
export type ReadStatus = "unread" | "read";
/**
 * What is done with a failed run.
 */
export type ResolutionName = "replay" | "send" | "delete" | "leave";
/**
 * The state of a job, or that you have no such job.
 */
export type StatusOrGone = JobStatus | Gone;
/**
 * What happened to a step.
 */
export type StepState = "saved";
/**
 * Whether there is such a job.
 */
export type SubscribeMode = "replay" | "gone";
/**
 * The state of a turn.
 */
export type TurnStatus = JobStatus | Open;
/**
 * A frame that a client sends. Each field but `action` and `requestId` may instead stand in `data`, and `type` may stand for `action`; the schema has the plain form.
 */
export type ClientFrame =
  | AuthenticateRequest
  | RefreshTokenRequest
  | PingRequest
  | QueryRequest
  | FinopsQueryRequest
  | SubscribeJobRequest
  | UnsubscribeJobRequest
  | CancelRequest
  | GetEventsRequest
  | GetJobRequest
  | ListJobsRequest
  | SendMessageRequest
  | ChatMessageRequest
  | TextMessageRequest
  | VoiceStartRequest
  | VoiceDataRequest
  | VoiceEndRequest
  | StartSessionRequest
  | EndSessionRequest
  | GetSessionRequest
  | ListSessionsRequest
  | SubscribeTopicRequest
  | SubscribeToDealsRequest
  | UnsubscribeTopicRequest
  | DirectMessageRequest
  | TypingIndicatorRequest
  | NotificationAckRequest
  | ListNotificationsRequest
  | ListConnectionsRequest
  | SetStatusRequest
  | CloseConnectionRequest
  | CleanupConnectionsRequest
  | BroadcastRequest
  | ListOpenJobsRequest
  | ListDeadLettersRequest
  | ReplayJobRequest;
/**
 * A frame that a client receives. Clients ignore fields and types that they do not know.
 */
export type ServerFrame =
  | JobQueued
  | ProgressUpdate
  | Chunk
  | StreamReset
  | AttemptStarted
  | AttemptFailed
  | WorkerLost
  | HandedOver
  | Step
  | JobCompleted
  | JobFailed
  | JobCancelled
  | Subscribed
  | EventsPage
  | ErrorFrame
  | Authenticated
  | TokenRefreshed
  | Pong
  | Cancelling
  | Job
  | Jobs
  | JobUnsubscribed
  | SubscriptionConfirmed
  | TopicUnsubscribed
  | MessageSent
  | AckConfirmed
  | Notifications
  | SessionStarted
  | SessionEnded
  | SessionPage
  | Sessions
  | Connections
  | StatusSet
  | ConnectionClosed
  | ConnectionsCleaned
  | BroadcastSent
  | OpenJobs
  | DeadLetters
  | JobReplayed
  | DirectMessage
  | UserTyping
  | SystemNotice
  | SendMessageChunk
  | SendMessageComplete
  | ChatResponse
  | ChatTyping
  | ChatNotice
  | DialectError
  | TextResponse
  | TextError
  | VoiceStarted
  | VoiceAck;

/**
 * Gives the connection an identity. Allowed before all others.
 */
export interface AuthenticateRequest {
  /**
   * The action.
   */
  action: "authenticate";
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * A JWT; left out on a connection that has an identity.
   */
  token?: string | null;
  /**
   * Has to agree with the token.
   */
  userId?: string | null;
  /**
   * Has to agree with the token.
   */
  username?: string | null;
}
/**
 * Pushes a `system` frame to a user, or to all connections of the tenant, a page at a time.
 */
export interface BroadcastRequest {
  /**
   * The action.
   */
  action: "broadcast";
  /**
   * At most 24 KiB of UTF-8, and not blank.
   */
  content: string;
  /**
   * The `cursor` of the page before; left out for the first page.
   */
  cursor?: string | null;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * A user of the admin's tenant. At most 256 bytes.
   */
  userId?: string | null;
}
/**
 * Cancels a job.
 */
export interface CancelRequest {
  /**
   * The action.
   */
  action: "cancel";
  /**
   * The job: a UUID. Any other text is answered like the id of an unknown job.
   */
  jobId: string;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
}
/**
 * Sends a message of a chat. The answer comes as `chat_response` frames. Either `message` or `content` is required.
 */
export interface ChatMessageRequest {
  /**
   * The action.
   */
  action: "chat_message";
  /**
   * In place of `message`.
   */
  content?: string | null;
  /**
   * Seconds until the job fails with `DEADLINE` if it has not ended: 1 to 604,800; a day if left out.
   */
  deadlineSeconds?: number | null;
  /**
   * The kind of analysis; `chat` if left out.
   */
  kind?: string | null;
  /**
   * At most 24 KiB of UTF-8, and not blank.
   */
  message?: string | null;
  /**
   * Parameters of the analysis: an object.
   */
  params?: {
    [k: string]: unknown;
  } | null;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * The session that the message belongs to; left out, the connection's own.
   */
  sessionId?: string | null;
  /**
   * Cancels the session's open turns instead of waiting for them.
   */
  supersede?: boolean | null;
  /**
   * The client's own span, in the form of W3C Trace Context.
   */
  traceparent?: string | null;
  /**
   * Has to agree with the token.
   */
  userId?: string | null;
  /**
   * Has to agree with the token.
   */
  username?: string | null;
}
/**
 * Removes or closes connections without activity for an hour, a page at a time.
 */
export interface CleanupConnectionsRequest {
  /**
   * The action.
   */
  action: "cleanupConnections";
  /**
   * The `cursor` of the page before; left out for the first page.
   */
  cursor?: string | null;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
}
/**
 * Closes a connection.
 */
export interface CloseConnectionRequest {
  /**
   * The action.
   */
  action: "closeConnection";
  /**
   * The gateway's id of the connection.
   */
  connectionId: string;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
}
/**
 * Sends a message to a user of the tenant, or to a room that the connection has joined.
 */
export interface DirectMessageRequest {
  /**
   * The action.
   */
  action: "sendMessage";
  /**
   * At most 24 KiB of UTF-8, and not blank.
   */
  content: string;
  /**
   * A user's id, at most 256 bytes; or a room's, `room:<id>`.
   */
  recipientId: string;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * The content's type, 1 to 64 characters; `text` if left out. Only inside `data`.
   */
  type?: string | null;
}
/**
 * Ends a session. A turn that is being answered goes on.
 */
export interface EndSessionRequest {
  /**
   * The action.
   */
  action: "endSession";
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * The session: a UUID. Left out, the connection's own.
   */
  sessionId?: string | null;
}
/**
 * Submits a job of kind `finops`.
 */
export interface FinopsQueryRequest {
  /**
   * The action.
   */
  action: "finops_query";
  /**
   * Seconds until the job fails with `DEADLINE` if it has not ended: 1 to 604,800; a day if left out.
   */
  deadlineSeconds?: number | null;
  /**
   * A submit with a key that this user has used starts nothing and is answered like `subscribe`; with different work
   * it is a `CONFLICT`. At most 256 characters.
   */
  idempotencyKey?: string | null;
  /**
   * Parameters of the analysis: an object.
   */
  params?: {
    [k: string]: unknown;
  } | null;
  /**
   * The question. At most 24 KiB of UTF-8, and not blank.
   */
  query: string;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * The client's own span, in the form of W3C Trace Context.
   */
  traceparent?: string | null;
  /**
   * Has to agree with the token.
   */
  userId?: string | null;
  /**
   * Has to agree with the token.
   */
  username?: string | null;
}
/**
 * Asks for every event of a job, by page.
 */
export interface GetEventsRequest {
  /**
   * The action.
   */
  action: "getEvents";
  /**
   * The `seq` after which the page begins; 0 or left out for the first page.
   */
  after?: number | null;
  /**
   * The job: a UUID. Any other text is answered like the id of an unknown job.
   */
  jobId: string;
  /**
   * Events of the page, 1 to 100; 100 if left out.
   */
  limit?: number | null;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
}
/**
 * Asks for a job and its result.
 */
export interface GetJobRequest {
  /**
   * The action.
   */
  action: "getJob";
  /**
   * The job: a UUID. Any other text is answered like the id of an unknown job.
   */
  jobId: string;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
}
/**
 * Asks for a session and a page of its turns, oldest first.
 */
export interface GetSessionRequest {
  /**
   * The action.
   */
  action: "getSession";
  /**
   * The `cursor` of the page before; left out for the first page.
   */
  cursor?: string | null;
  /**
   * Entries of the page, 1 to 100; 100 if left out.
   */
  limit?: number | null;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * The session: a UUID. Left out, the connection's own.
   */
  sessionId?: string | null;
}
/**
 * Asks for connections of the tenant, by page.
 */
export interface ListConnectionsRequest {
  /**
   * The action.
   */
  action: "listConnections";
  /**
   * The `cursor` of the page before; left out for the first page.
   */
  cursor?: string | null;
  /**
   * Entries of the page, 1 to 100; 100 if left out.
   */
  limit?: number | null;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * A user of the admin's tenant. At most 256 bytes.
   */
  userId?: string | null;
}
/**
 * Asks for the tenant's failed runs.
 */
export interface ListDeadLettersRequest {
  /**
   * The action.
   */
  action: "listDeadLetters";
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
}
/**
 * Asks for the user's jobs, newest first, by page.
 */
export interface ListJobsRequest {
  /**
   * The action.
   */
  action: "listJobs";
  /**
   * The `cursor` of the page before; left out for the first page.
   */
  cursor?: string | null;
  /**
   * Entries of the page, 1 to 100; 100 if left out.
   */
  limit?: number | null;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * Only jobs in this state.
   */
  status?: JobStatus | null;
  /**
   * For admins: another user of the tenant. At most 256 bytes.
   */
  userId?: string | null;
}
/**
 * Asks for the user's messages and notifications, unread ones first, by page.
 */
export interface ListNotificationsRequest {
  /**
   * The action.
   */
  action: "listNotifications";
  /**
   * The `cursor` of the page before; left out for the first page.
   */
  cursor?: string | null;
  /**
   * Entries of the page, 1 to 100; 100 if left out.
   */
  limit?: number | null;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * Only unread ones.
   */
  unread?: boolean | null;
}
/**
 * Asks for the tenant's open jobs, oldest first.
 */
export interface ListOpenJobsRequest {
  /**
   * The action.
   */
  action: "listOpenJobs";
  /**
   * Entries of the page, 1 to 100; 100 if left out.
   */
  limit?: number | null;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * Only jobs in this state.
   */
  status?: JobStatus | null;
}
/**
 * Asks for the user's sessions, newest first, by page.
 */
export interface ListSessionsRequest {
  /**
   * The action.
   */
  action: "listSessions";
  /**
   * The `cursor` of the page before; left out for the first page.
   */
  cursor?: string | null;
  /**
   * Entries of the page, 1 to 100; 100 if left out.
   */
  limit?: number | null;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
}
/**
 * Says that a message or notification was shown.
 */
export interface NotificationAckRequest {
  /**
   * The action.
   */
  action: "notificationAck";
  /**
   * A notification's id, or a message's `messageId`.
   */
  notificationId: string;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
}
/**
 * Asks for a `pong`. Allowed before `authenticate`.
 */
export interface PingRequest {
  /**
   * The action.
   */
  action: "ping";
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
}
/**
 * Submits a job. Its events are pushed to the connection.
 */
export interface QueryRequest {
  /**
   * The action.
   */
  action: "query";
  /**
   * Seconds until the job fails with `DEADLINE` if it has not ended: 1 to 604,800; a day if left out.
   */
  deadlineSeconds?: number | null;
  /**
   * A submit with a key that this user has used starts nothing and is answered like `subscribe`; with different work
   * it is a `CONFLICT`. At most 256 characters.
   */
  idempotencyKey?: string | null;
  /**
   * The kind of analysis, such as `finops`.
   */
  kind: string;
  /**
   * Parameters of the analysis: an object.
   */
  params?: {
    [k: string]: unknown;
  } | null;
  /**
   * The question. At most 24 KiB of UTF-8, and not blank.
   */
  query: string;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * Makes the job the next turn of this session.
   */
  sessionId?: string | null;
  /**
   * Cancels the session's open turns instead of waiting for them. Needs `sessionId`.
   */
  supersede?: boolean | null;
  /**
   * The client's own span, in the form of W3C Trace Context.
   */
  traceparent?: string | null;
  /**
   * Has to agree with the token.
   */
  userId?: string | null;
  /**
   * Has to agree with the token.
   */
  username?: string | null;
}
/**
 * Renews the connection's identity with a newer token of the same user.
 */
export interface RefreshTokenRequest {
  /**
   * The action.
   */
  action: "refreshToken";
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * A JWT.
   */
  token: string;
}
/**
 * Resolves a failed job: usually it runs again.
 */
export interface ReplayJobRequest {
  /**
   * The action.
   */
  action: "replayJob";
  /**
   * Whether the new run ignores the checkpoints.
   */
  fromStart?: boolean | null;
  /**
   * The job: a UUID. Any other text is answered like the id of an unknown job.
   */
  jobId: string;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
}
/**
 * Sends a message of a chat. The answer comes as `chunk` frames and `complete`.
 */
export interface SendMessageRequest {
  /**
   * The action.
   */
  action: "sendMessage";
  /**
   * Seconds until the job fails with `DEADLINE` if it has not ended: 1 to 604,800; a day if left out.
   */
  deadlineSeconds?: number | null;
  /**
   * The kind of analysis; `chat` if left out.
   */
  kind?: string | null;
  /**
   * At most 24 KiB of UTF-8, and not blank.
   */
  message: string;
  /**
   * Parameters of the analysis: an object.
   */
  params?: {
    [k: string]: unknown;
  } | null;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * The session that the message belongs to; left out, the connection's own.
   */
  sessionId?: string | null;
  /**
   * Cancels the session's open turns instead of waiting for them.
   */
  supersede?: boolean | null;
  /**
   * The client's own span, in the form of W3C Trace Context.
   */
  traceparent?: string | null;
  /**
   * Has to agree with the token.
   */
  userId?: string | null;
  /**
   * Has to agree with the token.
   */
  username?: string | null;
}
/**
 * Sets the status in a connection's record. A disconnected one gets no more pushes.
 */
export interface SetStatusRequest {
  /**
   * The action.
   */
  action: "setStatus";
  /**
   * The gateway's id of the connection.
   */
  connectionId: string;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * The status from now on.
   */
  status: ConnectionStatus;
}
/**
 * Gives the connection's messages a session, new or an earlier one of the user's.
 */
export interface StartSessionRequest {
  /**
   * The action.
   */
  action: "startSession";
  /**
   * Whether it outlasts the connection.
   */
  keep?: boolean | null;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * An earlier session; left out for a new one.
   */
  sessionId?: string | null;
}
/**
 * Follows a job, from the last event that the client has applied.
 */
export interface SubscribeJobRequest {
  /**
   * The action.
   */
  action: "subscribe" | "resume";
  /**
   * The `seq` of the last event applied; 0 or left out for all.
   */
  after?: number | null;
  /**
   * The job: a UUID. Any other text is answered like the id of an unknown job.
   */
  jobId: string;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
}
/**
 * Subscribes the connection to the topic `new-deals`, or to another.
 */
export interface SubscribeToDealsRequest {
  /**
   * The action.
   */
  action: "subscribeToDeals";
  /**
   * Conditions on fields of the publication, at most 16 and 1 KiB; all must hold. A value, a list for one of them, or
   * `minX` and `maxX` for a number `x`.
   */
  filters?: {
    [k: string]: unknown;
  } | null;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * 1 to 128 letters, digits and `-_.:/@+`.
   */
  topic?: string | null;
}
/**
 * Subscribes the connection to a topic, or joins a room (`room:<id>`).
 */
export interface SubscribeTopicRequest {
  /**
   * The action.
   */
  action: "subscribe";
  /**
   * Conditions on fields of the publication, at most 16 and 1 KiB; all must hold. A value, a list for one of them, or
   * `minX` and `maxX` for a number `x`.
   */
  filters?: {
    [k: string]: unknown;
  } | null;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * 1 to 128 letters, digits and `-_.:/@+`.
   */
  topic: string;
}
/**
 * Sends a message of a chat. The answer comes as `text_response` frames.
 */
export interface TextMessageRequest {
  /**
   * The action.
   */
  action: "text_message";
  /**
   * Seconds until the job fails with `DEADLINE` if it has not ended: 1 to 604,800; a day if left out.
   */
  deadlineSeconds?: number | null;
  /**
   * The kind of analysis; `chat` if left out.
   */
  kind?: string | null;
  /**
   * Parameters of the analysis: an object.
   */
  params?: {
    [k: string]: unknown;
  } | null;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * The session that the message belongs to; left out, the connection's own.
   */
  sessionId?: string | null;
  /**
   * Cancels the session's open turns instead of waiting for them.
   */
  supersede?: boolean | null;
  /**
   * At most 24 KiB of UTF-8, and not blank.
   */
  text: string;
  /**
   * The client's own span, in the form of W3C Trace Context.
   */
  traceparent?: string | null;
  /**
   * Has to agree with the token.
   */
  userId?: string | null;
  /**
   * Has to agree with the token.
   */
  username?: string | null;
}
/**
 * Tells a user that the caller is typing, or has stopped. It has no response.
 */
export interface TypingIndicatorRequest {
  /**
   * The action.
   */
  action: "typing_indicator";
  /**
   * False if left out.
   */
  isTyping?: boolean | null;
  /**
   * A user of the caller's tenant, at most 256 bytes.
   */
  recipientId: string;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
}
/**
 * Stops following a job.
 */
export interface UnsubscribeJobRequest {
  /**
   * The action.
   */
  action: "unsubscribe";
  /**
   * The job: a UUID. Any other text is answered like the id of an unknown job.
   */
  jobId: string;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
}
/**
 * Ends a subscription of any of the user's connections.
 */
export interface UnsubscribeTopicRequest {
  /**
   * The action.
   */
  action: "unsubscribe";
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * As `subscriptionConfirmed` has it.
   */
  subscriptionId: string;
}
/**
 * Stores a piece of a recording.
 */
export interface VoiceDataRequest {
  /**
   * The action.
   */
  action: "voice_data";
  /**
   * Base64, at most 24 KiB of it.
   */
  audio: string;
  /**
   * The piece's position in the recording, from 0; below 36,000.
   */
  index: number;
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * The session of `voice_started`.
   */
  sessionId: string;
}
/**
 * Ends a recording and submits the job that processes it.
 */
export interface VoiceEndRequest {
  /**
   * The action.
   */
  action: "voice_end";
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * The session of `voice_started`.
   */
  sessionId: string;
}
/**
 * Begins a recording.
 */
export interface VoiceStartRequest {
  /**
   * The action.
   */
  action: "voice_start";
  /**
   * Repeated in the response, and in every event of the job that this starts.
   */
  requestId?: string | null;
  /**
   * The session: a UUID. Left out, the connection's own.
   */
  sessionId?: string | null;
}
/**
 * A message or notification is read. The response to `notificationAck`.
 */
export interface AckConfirmed {
  /**
   * What was acknowledged.
   */
  data: Acknowledged;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "ackConfirmed";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * What was acknowledged.
 */
export interface Acknowledged {
  /**
   * The message's or notification's id.
   */
  notificationId: string;
  /**
   * Always `read`.
   */
  status: ReadStatus;
}
/**
 * A subscription to a topic.
 */
export interface ActiveStatusSubscription {
  /**
   * Whether it is active.
   */
  status: ActiveStatus;
  /**
   * The topic's name and a UUID, joined by a dot.
   */
  subscriptionId: string;
  /**
   * 1 to 128 letters, digits and `-_.:/@+`.
   */
  topic: string;
}
/**
 * An attempt failed, and another follows.
 */
export interface AttemptFailed {
  /**
   * When the event happened. RFC 3339 in UTC, with milliseconds.
   */
  at: string;
  /**
   * The attempt that failed.
   */
  attempt: number;
  /**
   * What went wrong.
   */
  code: JobErrorCode;
  /**
   * A sentence for people.
   */
  error: string;
  /**
   * The job: a UUID.
   */
  jobId: string;
  /**
   * The `requestId` of the frame that submitted the job. All followers receive it.
   */
  requestId?: string;
  /**
   * When the next attempt starts, at the earliest. RFC 3339 in UTC, with milliseconds.
   */
  retryAt: string;
  /**
   * The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
   * identity: the same event may come more than once.
   */
  seq: number;
  /**
   * When the event happened, in Unix seconds.
   */
  timestamp: number;
  type: "attempt_failed";
  /**
   * Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
   * the connection that submitted.
   */
  warnings?: Warning[];
}
/**
 * Another attempt starts, or the same one continues after a hand-over. A job's first attempt has no such event: it
 * starts with the first `progress_update`.
 */
export interface AttemptStarted {
  /**
   * When the event happened. RFC 3339 in UTC, with milliseconds.
   */
  at: string;
  /**
   * The attempt of this run, from 1.
   */
  attempt: number;
  /**
   * The worker's invocation, as its log names it.
   */
  invocation: string;
  /**
   * The job: a UUID.
   */
  jobId: string;
  /**
   * The `requestId` of the frame that submitted the job. All followers receive it.
   */
  requestId?: string;
  /**
   * Whether it continues the same attempt, after a hand-over.
   */
  resumed: boolean;
  /**
   * The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
   * identity: the same event may come more than once.
   */
  seq: number;
  /**
   * When the event happened, in Unix seconds.
   */
  timestamp: number;
  type: "attempt_started";
  /**
   * Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
   * the connection that submitted.
   */
  warnings?: Warning[];
}
/**
 * The connection has an identity. The response to `authenticate`.
 */
export interface Authenticated {
  /**
   * The connection's id, as admins see it.
   */
  connectionId: string;
  /**
   * When the token expires, in Unix seconds.
   */
  expiresAt: number;
  /**
   * A sentence for people.
   */
  message: string;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "authenticated";
  /**
   * The user: the token's `sub`, or the claim that the deployment names. At most 256 bytes.
   */
  userId: string;
  /**
   * The user's name for people.
   */
  username: string;
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * What became of the pushes to connections.
 */
export interface BroadcastCounts {
  /**
   * Closed connections, which are not pushed to again.
   */
  gone: number;
  /**
   * Pushes that failed.
   */
  lost: number;
  /**
   * Connections that received it.
   */
  sent: number;
}
/**
 * A `system` frame is pushed to a page of connections. The response to `broadcast`.
 */
export interface BroadcastSent {
  /**
   * The `cursor` of the next page; left out on the last.
   */
  cursor?: string;
  /**
   * Numbers of connections.
   */
  data: BroadcastCounts;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "broadcastSent";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * The job is being cancelled; its event `job_cancelled` follows. The response to `cancel`.
 */
export interface Cancelling {
  /**
   * The job.
   */
  jobId: string;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "cancelling";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * Which job a piece belongs to, and whether it is the last.
 */
export interface ChatMetadata {
  /**
   * Whether the answer is complete.
   */
  done: boolean;
  /**
   * The job.
   */
  jobId: string;
}
/**
 * A notice that is no part of the answer, in the dialect of `chat_message`.
 */
export interface ChatNotice {
  /**
   * The notice. At most 512 bytes.
   */
  content: string;
  /**
   * The job: a UUID. `subscribe` and `cancel` take it.
   */
  jobId: string;
  /**
   * The `requestId` of the frame that submitted the job.
   */
  requestId?: string;
  /**
   * The sequence number of the event that this shows. After a crash the last piece may come again under the same
   * number.
   */
  seq: number;
  /**
   * When the event happened: in Unix seconds, or in the dialect of `text_message` RFC 3339 in UTC with milliseconds.
   */
  timestamp: number;
  type: "system";
}
/**
 * A piece of the answer, in the dialect of `chat_message`.
 */
export interface ChatResponse {
  /**
   * To be appended to the pieces before it; empty in the last.
   */
  content: string;
  /**
   * The job: a UUID. `subscribe` and `cancel` take it.
   */
  jobId: string;
  /**
   * Which job, and whether it is the last.
   */
  metadata: ChatMetadata;
  /**
   * The `requestId` of the frame that submitted the job.
   */
  requestId?: string;
  /**
   * The sequence number of the event that this shows. After a crash the last piece may come again under the same
   * number.
   */
  seq: number;
  /**
   * When the event happened: in Unix seconds, or in the dialect of `text_message` RFC 3339 in UTC with milliseconds.
   */
  timestamp: number;
  type: "chat_response";
}
/**
 * The answer is being written, or no longer, in the dialect of `chat_message`.
 */
export interface ChatTyping {
  /**
   * Whether it is being written.
   */
  isTyping: boolean;
  /**
   * The job: a UUID. `subscribe` and `cancel` take it.
   */
  jobId: string;
  /**
   * The `requestId` of the frame that submitted the job.
   */
  requestId?: string;
  /**
   * The sequence number of the event that this shows. After a crash the last piece may come again under the same
   * number.
   */
  seq: number;
  /**
   * When the event happened: in Unix seconds, or in the dialect of `text_message` RFC 3339 in UTC with milliseconds.
   */
  timestamp: number;
  type: "typing_indicator";
}
/**
 * The next piece of the answer.
 */
export interface Chunk {
  /**
   * When the event happened. RFC 3339 in UTC, with milliseconds.
   */
  at: string;
  /**
   * To be appended to the pieces before it. At most 27 KiB of JSON.
   */
  content: string;
  /**
   * The job: a UUID.
   */
  jobId: string;
  /**
   * The `requestId` of the frame that submitted the job. All followers receive it.
   */
  requestId?: string;
  /**
   * The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
   * identity: the same event may come more than once.
   */
  seq: number;
  /**
   * When the event happened, in Unix seconds.
   */
  timestamp: number;
  type: "chunk";
  /**
   * Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
   * the connection that submitted.
   */
  warnings?: Warning[];
}
/**
 * What became of connections without activity for an hour.
 */
export interface CleanupCounts {
  /**
   * Idle connections that were closed.
   */
  closed: number;
  /**
   * Connections with later activity, which stay.
   */
  kept: number;
  /**
   * Records removed, since the gateway had no such connection.
   */
  removed: number;
}
/**
 * A connection is closed. The response to `closeConnection`.
 */
export interface ConnectionClosed {
  /**
   * The connection.
   */
  data: ConnectionStatusSet;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "connectionClosed";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * A connection whose status changed.
 */
export interface ConnectionStatusSet {
  /**
   * The gateway's id.
   */
  connectionId: string;
  /**
   * The status from now on.
   */
  status: ConnectionStatus;
}
/**
 * The record of a connection, without the fields that it lacks.
 */
export interface ConnectionView {
  /**
   * RFC 3339 in UTC, with milliseconds.
   */
  connectedAt: string;
  /**
   * The gateway's id.
   */
  connectionId: string;
  /**
   * RFC 3339 in UTC, with milliseconds.
   */
  disconnectedAt?: string;
  /**
   * As API Gateway reports it.
   */
  ipAddress?: string;
  /**
   * To the minute. RFC 3339 in UTC, with milliseconds.
   */
  lastActivity: string;
  /**
   * The session that its messages belong to.
   */
  sessionId?: string;
  /**
   * Whether it is open.
   */
  status: ConnectionStatus;
  /**
   * The user's tenant.
   */
  tenantId?: string;
  /**
   * Until when the record is stored, in Unix seconds.
   */
  ttl: number;
  /**
   * As the client sent it.
   */
  userAgent?: string;
  /**
   * The user, once the connection is authenticated.
   */
  userId?: string;
  /**
   * The user's name for people.
   */
  username?: string;
}
/**
 * A page of connections of the admin's tenant. The response to `listConnections`.
 */
export interface Connections {
  /**
   * Open ones and those that closed within a day, as many as fit one frame.
   */
  connections: ConnectionView[];
  /**
   * The `cursor` of the next page; left out on the last.
   */
  cursor?: string;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "connections";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * A page of connections is cleaned up. The response to `cleanupConnections`.
 */
export interface ConnectionsCleaned {
  /**
   * The `cursor` of the next page; left out on the last.
   */
  cursor?: string;
  /**
   * Numbers of connections.
   */
  data: CleanupCounts;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "connectionsCleaned";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * A failed run of a job, and what a replay would do with it.
 */
export interface DeadLetterView {
  /**
   * The attempts of this run; `null` where the dead letter does not say.
   */
  attempts: number | null;
  /**
   * Why it failed; `null` where the dead letter does not say.
   */
  code: JobErrorCode | null;
  /**
   * What `replayJob` would do.
   */
  do: ResolutionName;
  /**
   * A sentence; `null` where the dead letter does not say.
   */
  error: string | null;
  /**
   * The job.
   */
  jobId: string;
  /**
   * The kind of analysis; `null` if it is not known.
   */
  kind: string | null;
  /**
   * Number of its dead letters.
   */
  letters: number;
  /**
   * The number of the run, from 0; `null` where the dead letter does not say.
   */
  run: number | null;
  /**
   * When it failed. RFC 3339 in UTC, with milliseconds.
   */
  since: string;
  /**
   * The job's status; `null` if it is gone.
   */
  status: JobStatus | null;
  /**
   * The job's owner; `null` if that is not known.
   */
  userId: string | null;
}
/**
 * Failed runs of the admin's tenant. The response to `listDeadLetters`.
 */
export interface DeadLetters {
  /**
   * As many as fit one frame.
   */
  deadLetters: DeadLetterView[];
  /**
   * Whether there are more.
   */
  more: boolean;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "deadLetters";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * The answer ends with an error, in the dialects of `sendMessage` and `chat_message`.
 */
export interface DialectError {
  /**
   * The sentence in `data.message`.
   */
  content: string;
  /**
   * What went wrong.
   */
  data: DialectErrorCodeData;
  /**
   * The job: a UUID. `subscribe` and `cancel` take it.
   */
  jobId: string;
  /**
   * The `requestId` of the frame that submitted the job.
   */
  requestId?: string;
  /**
   * Whether a retry may help. Only in the dialect of `chat_message`.
   */
  retryable?: boolean;
  /**
   * The sequence number of the event that this shows. After a crash the last piece may come again under the same
   * number.
   */
  seq: number;
  /**
   * When the event happened: in Unix seconds, or in the dialect of `text_message` RFC 3339 in UTC with milliseconds.
   */
  timestamp: number;
  type: "error";
}
/**
 * What went wrong.
 */
export interface DialectErrorCodeData {
  /**
   * For programs.
   */
  code: DialectErrorCode;
  /**
   * More about it, by code: `field`, `actions`, `kinds`, `statuses`, `missing`, `errorId`.
   */
  details: {
    [k: string]: unknown;
  };
  /**
   * A sentence for people.
   */
  message: string;
}
/**
 * A message of another user, stored until it is acknowledged.
 */
export interface DirectMessage {
  /**
   * The message.
   */
  data: MessageData;
  /**
   * When it was sent or published, in Unix seconds.
   */
  timestamp: number;
  type: "message";
}
/**
 * A subscription to a topic.
 */
export interface EndedStatusSubscription {
  /**
   * Whether it is active.
   */
  status: EndedStatus;
  /**
   * The topic's name and a UUID, joined by a dot.
   */
  subscriptionId: string;
  /**
   * 1 to 128 letters, digits and `-_.:/@+`.
   */
  topic: string;
}
/**
 * What went wrong.
 */
export interface ErrorCodeData {
  /**
   * For programs.
   */
  code: ErrorCode;
  /**
   * More about it, by code: `field`, `actions`, `kinds`, `statuses`, `missing`, `errorId`.
   */
  details: {
    [k: string]: unknown;
  };
  /**
   * A sentence for people.
   */
  message: string;
}
/**
 * A frame was refused, or what it asked for failed.
 */
export interface ErrorFrame {
  /**
   * The sentence in `data.message`.
   */
  content: string;
  /**
   * What went wrong.
   */
  data: ErrorCodeData;
  /**
   * The `requestId` of the frame that was refused. At most 128 characters.
   */
  requestId?: string;
  /**
   * Seconds until a retry may help.
   */
  retryAfter?: number;
  /**
   * Whether a retry may help. Only in answers to `chat_message`.
   */
  retryable?: boolean;
  /**
   * When it was refused, in Unix seconds.
   */
  timestamp: number;
  type: "error";
}
/**
 * A page of a job's events, from its first on and without gaps, or that you have no such job. The response to
 * `getEvents`.
 */
export interface EventsPage {
  /**
   * The events after `after`, in order of `seq`: at most `limit`, and as many as fit one frame. Each is as it was pushed,
   * but for a result's `url`, which is a fresh one. A job that was replayed has the `job_failed` of each earlier run.
   */
  events: JobEvent[];
  /**
   * The sequence number of the latest event; 0 if the job is gone.
   */
  head: number;
  /**
   * The job, as the frame named it.
   */
  jobId: string;
  /**
   * Whether there are more: ask again with the last `seq` of `events`.
   */
  more: boolean;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * The job's state.
   */
  status: StatusOrGone;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "events";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * A job that is unknown, past its retention, or another user's.
 */
export interface GoneJob {
  /**
   * As the frame named it, at most its first 64 bytes.
   */
  jobId: string;
  /**
   * Always `gone`.
   */
  status: Gone;
}
/**
 * The attempt continues in another invocation, since the time of this one is nearly over.
 */
export interface HandedOver {
  /**
   * When the event happened. RFC 3339 in UTC, with milliseconds.
   */
  at: string;
  /**
   * The attempt that continues.
   */
  attempt: number;
  /**
   * The job: a UUID.
   */
  jobId: string;
  /**
   * The `requestId` of the frame that submitted the job. All followers receive it.
   */
  requestId?: string;
  /**
   * The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
   * identity: the same event may come more than once.
   */
  seq: number;
  /**
   * When the event happened, in Unix seconds.
   */
  timestamp: number;
  type: "handed_over";
  /**
   * Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
   * the connection that submitted.
   */
  warnings?: Warning[];
}
/**
 * One job. The response to `getJob`, and to `cancel` of a job that has ended.
 */
export interface Job {
  /**
   * The job, or that you have no such job.
   */
  job: JobResponse;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "job";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * The job was cancelled.
 */
export interface JobCancelled {
  /**
   * When the event happened. RFC 3339 in UTC, with milliseconds.
   */
  at: string;
  /**
   * A user's id, or `operator`.
   */
  by: string;
  /**
   * The beginning of what was streamed until then.
   */
  content?: string;
  /**
   * The job: a UUID.
   */
  jobId: string;
  /**
   * The `requestId` of the frame that submitted the job. All followers receive it.
   */
  requestId?: string;
  /**
   * The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
   * identity: the same event may come more than once.
   */
  seq: number;
  /**
   * When the event happened, in Unix seconds.
   */
  timestamp: number;
  type: "job_cancelled";
  /**
   * Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
   * the connection that submitted.
   */
  warnings?: Warning[];
}
/**
 * The job ended with a result.
 */
export interface JobCompleted {
  /**
   * When the event happened. RFC 3339 in UTC, with milliseconds.
   */
  at: string;
  /**
   * The job: a UUID.
   */
  jobId: string;
  /**
   * The `requestId` of the frame that submitted the job. All followers receive it.
   */
  requestId?: string;
  /**
   * The result of the analysis: any JSON, at most 100 KiB. A larger one is in `resultRef`.
   */
  result?: unknown;
  /**
   * Where a larger result is.
   */
  resultRef?: ResultRef;
  /**
   * The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
   * identity: the same event may come more than once.
   */
  seq: number;
  /**
   * When the event happened, in Unix seconds.
   */
  timestamp: number;
  type: "job_completed";
  /**
   * Attempts and times.
   */
  usage: Usage;
  /**
   * Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
   * the connection that submitted.
   */
  warnings?: Warning[];
}
/**
 * Why a job failed.
 */
export interface JobErrorView {
  /**
   * What went wrong.
   */
  code: JobErrorCode;
  /**
   * A sentence.
   */
  message: string;
  /**
   * Whether asking again may help.
   */
  retryable: boolean;
}
/**
 * The job ended with an error.
 */
export interface JobFailed {
  /**
   * When the event happened. RFC 3339 in UTC, with milliseconds.
   */
  at: string;
  /**
   * Number of attempts of this run.
   */
  attempts: number;
  /**
   * What went wrong.
   */
  code: JobErrorCode;
  /**
   * A sentence for people.
   */
  error: string;
  /**
   * The job: a UUID.
   */
  jobId: string;
  /**
   * The `requestId` of the frame that submitted the job. All followers receive it.
   */
  requestId?: string;
  /**
   * Whether asking again may help.
   */
  retryable: boolean;
  /**
   * The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
   * identity: the same event may come more than once.
   */
  seq: number;
  /**
   * When the event happened, in Unix seconds.
   */
  timestamp: number;
  type: "job_failed";
  /**
   * Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
   * the connection that submitted.
   */
  warnings?: Warning[];
}
/**
 * The job is accepted and durable: it will reach an end. Always the first event.
 */
export interface JobQueued {
  /**
   * When the event happened. RFC 3339 in UTC, with milliseconds.
   */
  at: string;
  /**
   * The job: a UUID.
   */
  jobId: string;
  /**
   * A sentence for people.
   */
  message: string;
  /**
   * Percent: 5.
   */
  progress: number;
  /**
   * The question. At most 24 KiB.
   */
  query: string;
  /**
   * The `requestId` of the frame that submitted the job. All followers receive it.
   */
  requestId?: string;
  /**
   * The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
   * identity: the same event may come more than once.
   */
  seq: number;
  /**
   * When the event happened, in Unix seconds.
   */
  timestamp: number;
  type: "job_queued";
  /**
   * Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
   * the connection that submitted.
   */
  warnings?: Warning[];
}
/**
 * A failed job is resolved. The response to `replayJob`.
 */
export interface JobReplayed {
  /**
   * What was done.
   */
  data: ReplayedJob;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "jobReplayed";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * The connection does not follow the job any more. The response to `unsubscribe` with `jobId`.
 */
export interface JobUnsubscribed {
  /**
   * The job, as the frame named it.
   */
  jobId: string;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "unsubscribed";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * A job without its result. Times are RFC 3339 in UTC, with milliseconds.
 */
export interface JobView {
  /**
   * The attempt of this run, from 1; 0 before the first.
   */
  attempt: number;
  /**
   * Who cancelled it: a user's id, or `operator`.
   */
  cancelledBy?: string;
  /**
   * When it was submitted.
   */
  createdAt: string;
  /**
   * When it ends at the latest.
   */
  deadlineAt: string;
  /**
   * Why it failed.
   */
  error?: JobErrorView;
  /**
   * When it ended.
   */
  finishedAt?: string;
  /**
   * A UUID.
   */
  jobId: string;
  /**
   * The kind of analysis.
   */
  kind: string;
  /**
   * The error of the attempt before.
   */
  lastError?: LastErrorView;
  /**
   * The latest progress message. At most 512 bytes.
   */
  message: string;
  /**
   * Percent, 0 to 100.
   */
  progress: number;
  /**
   * The question, or the first 512 bytes of it.
   */
  query: string;
  /**
   * Number of replays by an operator or admin.
   */
  replays?: number;
  /**
   * The `requestId` of the frame that submitted it.
   */
  requestId?: string;
  /**
   * The sequence number of the latest event.
   */
  seq: number;
  /**
   * When its first attempt began.
   */
  startedAt?: string;
  /**
   * The state.
   */
  status: JobStatus;
  /**
   * When its row was last written.
   */
  updatedAt: string;
  /**
   * The owner.
   */
  userId: string;
}
/**
 * A job with its parameters and its result.
 */
export interface JobWithResult {
  /**
   * The attempt of this run, from 1; 0 before the first.
   */
  attempt: number;
  /**
   * Who cancelled it: a user's id, or `operator`.
   */
  cancelledBy?: string;
  /**
   * When it was submitted.
   */
  createdAt: string;
  /**
   * When it ends at the latest.
   */
  deadlineAt: string;
  /**
   * Why it failed.
   */
  error?: JobErrorView;
  /**
   * When it ended.
   */
  finishedAt?: string;
  /**
   * A UUID.
   */
  jobId: string;
  /**
   * The kind of analysis.
   */
  kind: string;
  /**
   * The error of the attempt before.
   */
  lastError?: LastErrorView;
  /**
   * The latest progress message. At most 512 bytes.
   */
  message: string;
  /**
   * The parameters of its submit; `null` where a large result leaves no space for them.
   */
  params?: {
    [k: string]: unknown;
  } | null;
  /**
   * Percent, 0 to 100.
   */
  progress: number;
  /**
   * The question, or the first 512 bytes of it.
   */
  query: string;
  /**
   * Number of replays by an operator or admin.
   */
  replays?: number;
  /**
   * The `requestId` of the frame that submitted it.
   */
  requestId?: string;
  /**
   * The result of the analysis: any JSON, at most 100 KiB.
   */
  result?: unknown;
  /**
   * Where a larger result is.
   */
  resultRef?: ResultRef;
  /**
   * The sequence number of the latest event.
   */
  seq: number;
  /**
   * When its first attempt began.
   */
  startedAt?: string;
  /**
   * The state.
   */
  status: JobStatus;
  /**
   * When its row was last written.
   */
  updatedAt: string;
  /**
   * The owner.
   */
  userId: string;
}
/**
 * A page of jobs, newest first. The response to `listJobs`.
 */
export interface Jobs {
  /**
   * The `cursor` of the next page; left out on the last.
   */
  cursor?: string;
  /**
   * At most 100; may be empty and still have a `cursor`.
   */
  jobs: JobView[];
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "jobs";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * The error of an earlier attempt.
 */
export interface LastErrorView {
  /**
   * When. RFC 3339 in UTC, with milliseconds.
   */
  at: string;
  /**
   * What went wrong.
   */
  code: JobErrorCode;
  /**
   * A sentence.
   */
  message: string;
}
/**
 * A message between users.
 */
export interface MessageData {
  /**
   * At most 24 KiB.
   */
  content: string;
  /**
   * The sender's user id.
   */
  from: string;
  /**
   * A UUID: `notificationAck` names it as `notificationId`.
   */
  messageId: string;
  /**
   * The sender's name for the content's type, such as `text`. At most 64 characters.
   */
  type: string;
}
/**
 * A message is on its way. The response to `sendMessage` with `recipientId`.
 */
export interface MessageSent {
  /**
   * The message.
   */
  data: SentMessage;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "messageSent";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * What was published on a topic, in a room, or to a user.
 */
export interface Notification {
  /**
   * What was published: an object, at most 120 KiB.
   */
  data: {
    [k: string]: unknown;
  };
  /**
   * A UUID, the same if the notification comes again.
   */
  notificationId: string;
  /**
   * A UUID, the same for all subscriptions that receive this publication.
   */
  publishedId?: string;
  /**
   * The subscription that matched, for a topic's or a room's.
   */
  subscriptionId?: string;
  /**
   * When it was sent or published, in Unix seconds.
   */
  timestamp: number;
  /**
   * The topic, if there is one.
   */
  topic?: string;
  /**
   * What the publisher chose. At most 128 characters; a room's messages have `message`.
   */
  type: string;
}
/**
 * An entry of the inbox.
 */
export interface NotificationView {
  /**
   * When it was sent. RFC 3339 in UTC, with milliseconds.
   */
  at: string;
  /**
   * What was published; for a message `messageId`, `from`, `content` and `type`.
   */
  data: unknown;
  /**
   * A UUID.
   */
  notificationId: string;
  /**
   * Whether it was acknowledged.
   */
  status: ReadStatus;
  /**
   * The topic that it is about, if it has one.
   */
  topic?: string;
  /**
   * `message` for a message of another user, otherwise what the publisher chose. At most 128 characters.
   */
  type: string;
}
/**
 * A page of the inbox: unread entries, then read ones, each newest first. The response to `listNotifications`.
 */
export interface Notifications {
  /**
   * The `cursor` of the next page; left out on the last.
   */
  cursor?: string;
  /**
   * At most 100, and as many as fit one frame.
   */
  notifications: NotificationView[];
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "notifications";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * Open jobs of the admin's tenant, oldest first. The response to `listOpenJobs`.
 */
export interface OpenJobs {
  /**
   * At most 100, and as many as fit one frame.
   */
  jobs: JobView[];
  /**
   * Whether there are more.
   */
  more: boolean;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "openJobs";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * The response to `ping`.
 */
export interface Pong {
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "pong";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * The job goes on. Only the latest counts: `subscribed` has no other, `getEvents` has all.
 */
export interface ProgressUpdate {
  /**
   * When the event happened. RFC 3339 in UTC, with milliseconds.
   */
  at: string;
  /**
   * The attempt of this run, from 1.
   */
  attempt: number;
  /**
   * The job: a UUID.
   */
  jobId: string;
  /**
   * A sentence for people. At most 512 bytes.
   */
  message: string;
  /**
   * Percent, 0 to 100. It never falls within an attempt.
   */
  progress: number;
  /**
   * The `requestId` of the frame that submitted the job. All followers receive it.
   */
  requestId?: string;
  /**
   * The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
   * identity: the same event may come more than once.
   */
  seq: number;
  /**
   * Whether the attempt runs or waits to be tried again.
   */
  status: ProgressStatus;
  /**
   * When the event happened, in Unix seconds.
   */
  timestamp: number;
  type: "progress_update";
  /**
   * Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
   * the connection that submitted.
   */
  warnings?: Warning[];
}
/**
 * A stored piece of a recording.
 */
export interface RecordedPiece {
  /**
   * The piece's position in the recording, from 0.
   */
  index: number;
  /**
   * The recording's session.
   */
  sessionId: string;
}
/**
 * What was done about a failed job.
 */
export interface ReplayedJob {
  /**
   * What was done.
   */
  did: ResolutionName;
  /**
   * The job.
   */
  jobId: string;
  /**
   * Number of dead letters that were deleted.
   */
  letters: number;
  /**
   * The number of the run, from 0; `null` if the job is gone.
   */
  run: number | null;
  /**
   * The job's status afterwards; `null` if it is gone.
   */
  status: JobStatus | null;
}
/**
 * Where a result is that is too large for a frame. A GET of `url` returns it, compressed by gzip.
 */
export interface ResultRef {
  /**
   * The size of the JSON before compression.
   */
  bytes: number;
  /**
   * A media type.
   */
  contentType: string;
  /**
   * The hash of the JSON before compression, in lower-case hexadecimal digits.
   */
  sha256: string;
  /**
   * A signed URL, valid for 15 minutes at most; `null` where none could be signed: `getJob` gives a fresh one.
   */
  url: string | null;
}
/**
 * The next piece of the answer, in the dialect of `sendMessage`.
 */
export interface SendMessageChunk {
  /**
   * To be appended to the pieces before it.
   */
  content: string;
  /**
   * The job: a UUID. `subscribe` and `cancel` take it.
   */
  jobId: string;
  /**
   * The `requestId` of the frame that submitted the job.
   */
  requestId?: string;
  /**
   * The sequence number of the event that this shows. After a crash the last piece may come again under the same
   * number.
   */
  seq: number;
  /**
   * When the event happened: in Unix seconds, or in the dialect of `text_message` RFC 3339 in UTC with milliseconds.
   */
  timestamp: number;
  type: "chunk";
}
/**
 * The answer is complete, in the dialect of `sendMessage`.
 */
export interface SendMessageComplete {
  /**
   * Always empty.
   */
  content: string;
  /**
   * The job: a UUID. `subscribe` and `cancel` take it.
   */
  jobId: string;
  /**
   * The `requestId` of the frame that submitted the job.
   */
  requestId?: string;
  /**
   * The sequence number of the event that this shows. After a crash the last piece may come again under the same
   * number.
   */
  seq: number;
  /**
   * When the event happened: in Unix seconds, or in the dialect of `text_message` RFC 3339 in UTC with milliseconds.
   */
  timestamp: number;
  type: "complete";
}
/**
 * A message that was sent.
 */
export interface SentMessage {
  /**
   * A UUID: the recipient acknowledges it as `notificationId`.
   */
  messageId: string;
  /**
   * Whether it has arrived.
   */
  status: DeliveryStatus;
  /**
   * When it was sent, in Unix seconds.
   */
  timestamp: number;
}
/**
 * The session takes no more turns. The response to `endSession`.
 */
export interface SessionEnded {
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * The session.
   */
  sessionId: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "sessionEnded";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * A session and a page of its turns, oldest first. The response to `getSession`.
 */
export interface SessionPage {
  /**
   * The `cursor` of the next page; left out on the last.
   */
  cursor?: string;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * The session.
   */
  session: SessionView;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  /**
   * At most 100.
   */
  turns: TurnView[];
  type: "session";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * The connection's messages belong to this session from now on. The response to `startSession`.
 */
export interface SessionStarted {
  /**
   * Whether it outlasts the connection.
   */
  keep: boolean;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * The session.
   */
  sessionId: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "sessionStarted";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * A session.
 */
export interface SessionView {
  /**
   * RFC 3339 in UTC, with milliseconds; left out while it is open.
   */
  endedAt?: string;
  /**
   * Whether it outlasts the connection that started it.
   */
  keep: boolean;
  /**
   * A UUID.
   */
  sessionId: string;
  /**
   * RFC 3339 in UTC, with milliseconds.
   */
  startedAt: string;
  /**
   * Number of its turns.
   */
  turns: number;
  /**
   * When its last turn was accepted. RFC 3339 in UTC, with milliseconds.
   */
  updatedAt: string;
}
/**
 * A page of sessions, newest first. The response to `listSessions`.
 */
export interface Sessions {
  /**
   * The `cursor` of the next page; left out on the last.
   */
  cursor?: string;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * At most 100.
   */
  sessions: SessionView[];
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "sessions";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * A connection's status is set. The response to `setStatus`.
 */
export interface StatusSet {
  /**
   * The connection.
   */
  data: ConnectionStatusSet;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "statusSet";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * A step's result was stored: no later attempt repeats it.
 */
export interface Step {
  /**
   * When the event happened. RFC 3339 in UTC, with milliseconds.
   */
  at: string;
  /**
   * The job: a UUID.
   */
  jobId: string;
  /**
   * How long it took, in milliseconds.
   */
  ms: number;
  /**
   * The step's name. At most 64 bytes.
   */
  name: string;
  /**
   * The `requestId` of the frame that submitted the job. All followers receive it.
   */
  requestId?: string;
  /**
   * The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
   * identity: the same event may come more than once.
   */
  seq: number;
  /**
   * What happened to it.
   */
  state: StepState;
  /**
   * When the event happened, in Unix seconds.
   */
  timestamp: number;
  type: "step";
  /**
   * Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
   * the connection that submitted.
   */
  warnings?: Warning[];
}
/**
 * A retry starts whose text differs: a part of the answer no longer counts.
 */
export interface StreamReset {
  /**
   * When the event happened. RFC 3339 in UTC, with milliseconds.
   */
  at: string;
  /**
   * The attempt that starts.
   */
  attempt: number;
  /**
   * The job: a UUID.
   */
  jobId: string;
  /**
   * Chunks with a higher `seq` than this are to be discarded; 0 for all.
   */
  keepThrough: number;
  /**
   * The `requestId` of the frame that submitted the job. All followers receive it.
   */
  requestId?: string;
  /**
   * The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
   * identity: the same event may come more than once.
   */
  seq: number;
  /**
   * When the event happened, in Unix seconds.
   */
  timestamp: number;
  type: "stream_reset";
  /**
   * Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
   * the connection that submitted.
   */
  warnings?: Warning[];
}
/**
 * The events of a job after the last one that the client has applied, or that it has no such job. The response to
 * `subscribe` with `jobId`, and to a `query` whose idempotency key is in use.
 */
export interface Subscribed {
  /**
   * Every chunk, the end, and the latest of the progress after `after`, in order of `seq`.
   */
  events: JobEvent[];
  /**
   * The sequence number of the latest event; 0 if the job is gone.
   */
  head: number;
  /**
   * The job, as the frame named it.
   */
  jobId: string;
  /**
   * Whether there is such a job.
   */
  mode: SubscribeMode;
  /**
   * Whether there are more: subscribe again with the last `seq` of `events`. Until it is false, pushed events above
   * `head` have to wait.
   */
  more: boolean;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * Present if the connection does not follow the job, since as many others do as are allowed: subscribe again after
   * this many seconds.
   */
  retryAfter?: number;
  /**
   * Events up to this `seq` were left out, since later ones replace them: earlier progress, and attempts that are over.
   * `getEvents` returns them. Missing if `events` is gapless.
   */
  skippedThrough?: number;
  /**
   * The job's state.
   */
  status: StatusOrGone;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "subscribed";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * A subscription to a topic has begun. The response to `subscribe` with `topic`, and to `subscribeToDeals`.
 */
export interface SubscriptionConfirmed {
  /**
   * The subscription.
   */
  data: ActiveStatusSubscription;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "subscriptionConfirmed";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * A notice of an operator or admin.
 */
export interface SystemNotice {
  /**
   * The notice. At most 24 KiB.
   */
  content: string;
  /**
   * When it was sent or published, in Unix seconds.
   */
  timestamp: number;
  type: "system";
}
/**
 * The answer ends with an error, in the dialect of `text_message` and of voice messages.
 */
export interface TextError {
  /**
   * The sentence in `data.message`.
   */
  content: string;
  /**
   * What went wrong.
   */
  data: DialectErrorCodeData;
  /**
   * The job: a UUID. `subscribe` and `cancel` take it.
   */
  jobId: string;
  /**
   * The `requestId` of the frame that submitted the job.
   */
  requestId?: string;
  /**
   * The sequence number of the event that this shows. After a crash the last piece may come again under the same
   * number.
   */
  seq: number;
  /**
   * When the event happened: in Unix seconds, or in the dialect of `text_message` RFC 3339 in UTC with milliseconds.
   */
  timestamp: string;
  type: "error";
}
/**
 * A piece of the answer.
 */
export interface TextPiece {
  /**
   * Whether the answer is complete.
   */
  done: boolean;
  /**
   * To be appended to the pieces before it; empty in the last.
   */
  text: string;
}
/**
 * A piece of the answer, in the dialect of `text_message` and of voice messages.
 */
export interface TextResponse {
  /**
   * The piece.
   */
  data: TextPiece;
  /**
   * The job: a UUID. `subscribe` and `cancel` take it.
   */
  jobId: string;
  /**
   * The `requestId` of the frame that submitted the job.
   */
  requestId?: string;
  /**
   * The sequence number of the event that this shows. After a crash the last piece may come again under the same
   * number.
   */
  seq: number;
  /**
   * When the event happened: in Unix seconds, or in the dialect of `text_message` RFC 3339 in UTC with milliseconds.
   */
  timestamp: string;
  type: "text_response";
}
/**
 * The connection's identity is renewed. The response to `refreshToken`.
 */
export interface TokenRefreshed {
  /**
   * When the newer token expires, in Unix seconds.
   */
  expiresAt: number;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "tokenRefreshed";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * A subscription to a topic has ended. The response to `unsubscribe` with `subscriptionId`.
 */
export interface TopicUnsubscribed {
  /**
   * The subscription.
   */
  data: EndedStatusSubscription;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered, in Unix seconds.
   */
  timestamp: number;
  type: "unsubscribed";
  /**
   * Fields of the frame that were ignored, since the action does not know them.
   */
  warnings?: Warning[];
}
/**
 * One turn of a session.
 */
export interface TurnView {
  /**
   * The first 24 KiB of the answer.
   */
  answer?: string;
  /**
   * When it was accepted. RFC 3339 in UTC, with milliseconds.
   */
  at: string;
  /**
   * The turn's job.
   */
  jobId: string;
  /**
   * The question. At most 24 KiB.
   */
  message: string;
  /**
   * The status in which the turn's job ended, or `open`.
   */
  status: TurnStatus;
  /**
   * 1 for the session's first turn.
   */
  turn: number;
}
/**
 * Who is typing.
 */
export interface TypingUser {
  /**
   * The user's id.
   */
  from: string;
}
/**
 * Attempts and times of a completed job.
 */
export interface Usage {
  /**
   * Number of attempts of this run.
   */
  attempts: number;
  /**
   * Milliseconds from the submit, or the replay, to the first attempt.
   */
  queuedMs: number;
  /**
   * Milliseconds from the first attempt to the end.
   */
  runMs: number;
}
/**
 * Another user is typing, or has stopped.
 */
export interface UserTyping {
  /**
   * Who it is.
   */
  data: TypingUser;
  /**
   * Whether the user is typing.
   */
  isTyping: boolean;
  /**
   * When it was sent or published, in Unix seconds.
   */
  timestamp: number;
  type: "typing_indicator";
}
/**
 * A piece of a recording is stored. The response to `voice_data`.
 */
export interface VoiceAck {
  /**
   * The piece.
   */
  data: RecordedPiece;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered. RFC 3339 in UTC, with milliseconds.
   */
  timestamp: string;
  type: "voice_ack";
}
/**
 * The session of a recording.
 */
export interface VoiceSession {
  /**
   * A UUID: `voice_data` and `voice_end` name it.
   */
  sessionId: string;
}
/**
 * A recording has begun. The response to `voice_start`.
 */
export interface VoiceStarted {
  /**
   * The session that the recording belongs to.
   */
  data: VoiceSession;
  /**
   * The `requestId` of the frame that this responds to. At most 128 characters.
   */
  requestId?: string;
  /**
   * When the frame was answered. RFC 3339 in UTC, with milliseconds.
   */
  timestamp: string;
  type: "voice_started";
}
/**
 * A field of the frame that the action does not know, and that is ignored.
 */
export interface Warning {
  /**
   * The field's name, at most its first 64 bytes.
   */
  field: string;
  /**
   * A sentence for people, with the name that was probably meant.
   */
  message: string;
}
/**
 * The worker of an attempt gave no more signs of life: it crashed, or it ran out of time. Another attempt follows.
 */
export interface WorkerLost {
  /**
   * When the event happened. RFC 3339 in UTC, with milliseconds.
   */
  at: string;
  /**
   * The attempt that is lost.
   */
  attempt: number;
  /**
   * The job: a UUID.
   */
  jobId: string;
  /**
   * The `requestId` of the frame that submitted the job. All followers receive it.
   */
  requestId?: string;
  /**
   * The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
   * identity: the same event may come more than once.
   */
  seq: number;
  /**
   * When the event happened, in Unix seconds.
   */
  timestamp: number;
  type: "worker_lost";
  /**
   * Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
   * the connection that submitted.
   */
  warnings?: Warning[];
}
