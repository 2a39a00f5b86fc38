"""The frames on the wire, as typed dictionaries. Generated from spec/schemas by scripts/python-frames."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict


class AuthenticateRequest(TypedDict):
    """Gives the connection an identity. Allowed before all others."""

    action: Literal["authenticate"]
    """The action."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    token: NotRequired[str | None]
    """A JWT; left out on a connection that has an identity."""

    userId: NotRequired[str | None]
    """Has to agree with the token."""

    username: NotRequired[str | None]
    """Has to agree with the token."""


class BroadcastRequest(TypedDict):
    """Pushes a `system` frame to a user, or to all connections of the tenant, a page at a time."""

    action: Literal["broadcast"]
    """The action."""

    content: str
    """At most 24 KiB of UTF-8, and not blank."""

    cursor: NotRequired[str | None]
    """The `cursor` of the page before; left out for the first page."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    userId: NotRequired[str | None]
    """A user of the admin's tenant. At most 256 bytes."""


class CancelRequest(TypedDict):
    """Cancels a job."""

    action: Literal["cancel"]
    """The action."""

    jobId: str
    """The job: a UUID. Any other text is answered like the id of an unknown job."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""


class ChatMessageRequest(TypedDict):
    """Sends a message of a chat. The answer comes as `chat_response` frames. Either `message` or `content` is required."""

    action: Literal["chat_message"]
    """The action."""

    content: NotRequired[str | None]
    """In place of `message`."""

    deadlineSeconds: NotRequired[int | None]
    """Seconds until the job fails with `DEADLINE` if it has not ended: 1 to 604,800; a day if left out."""

    kind: NotRequired[str | None]
    """The kind of analysis; `chat` if left out."""

    message: NotRequired[str | None]
    """At most 24 KiB of UTF-8, and not blank."""

    params: NotRequired[dict[str, Any] | None]
    """Parameters of the analysis: an object."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    sessionId: NotRequired[str | None]
    """The session that the message belongs to; left out, the connection's own."""

    supersede: NotRequired[bool | None]
    """Cancels the session's open turns instead of waiting for them."""

    traceparent: NotRequired[str | None]
    """The client's own span, in the form of W3C Trace Context."""

    userId: NotRequired[str | None]
    """Has to agree with the token."""

    username: NotRequired[str | None]
    """Has to agree with the token."""


class CleanupConnectionsRequest(TypedDict):
    """Removes or closes connections without activity for an hour, a page at a time."""

    action: Literal["cleanupConnections"]
    """The action."""

    cursor: NotRequired[str | None]
    """The `cursor` of the page before; left out for the first page."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""


class CloseConnectionRequest(TypedDict):
    """Closes a connection."""

    action: Literal["closeConnection"]
    """The action."""

    connectionId: str
    """The gateway's id of the connection."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""


ConnectionStatus: TypeAlias = Literal["CONNECTED", "DISCONNECTED"]


class DirectMessageRequest(TypedDict):
    """Sends a message to a user of the tenant, or to a room that the connection has joined."""

    action: Literal["sendMessage"]
    """The action."""

    content: str
    """At most 24 KiB of UTF-8, and not blank."""

    recipientId: str
    """A user's id, at most 256 bytes; or a room's, `room:<id>`."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    type: NotRequired[str | None]
    """The content's type, 1 to 64 characters; `text` if left out. Only inside `data`."""


class EndSessionRequest(TypedDict):
    """Ends a session. A turn that is being answered goes on."""

    action: Literal["endSession"]
    """The action."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    sessionId: NotRequired[str | None]
    """The session: a UUID. Left out, the connection's own."""


class FinopsQueryRequest(TypedDict):
    """Submits a job of kind `finops`."""

    action: Literal["finops_query"]
    """The action."""

    deadlineSeconds: NotRequired[int | None]
    """Seconds until the job fails with `DEADLINE` if it has not ended: 1 to 604,800; a day if left out."""

    idempotencyKey: NotRequired[str | None]
    """
    A submit with a key that this user has used starts nothing and is answered like `subscribe`; with different work
    it is a `CONFLICT`. At most 256 characters.
    """

    params: NotRequired[dict[str, Any] | None]
    """Parameters of the analysis: an object."""

    query: str
    """The question. At most 24 KiB of UTF-8, and not blank."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    traceparent: NotRequired[str | None]
    """The client's own span, in the form of W3C Trace Context."""

    userId: NotRequired[str | None]
    """Has to agree with the token."""

    username: NotRequired[str | None]
    """Has to agree with the token."""


class GetEventsRequest(TypedDict):
    """Asks for every event of a job, by page."""

    action: Literal["getEvents"]
    """The action."""

    after: NotRequired[int | None]
    """The `seq` after which the page begins; 0 or left out for the first page."""

    jobId: str
    """The job: a UUID. Any other text is answered like the id of an unknown job."""

    limit: NotRequired[int | None]
    """Events of the page, 1 to 100; 100 if left out."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""


class GetJobRequest(TypedDict):
    """Asks for a job and its result."""

    action: Literal["getJob"]
    """The action."""

    jobId: str
    """The job: a UUID. Any other text is answered like the id of an unknown job."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""


class GetSessionRequest(TypedDict):
    """Asks for a session and a page of its turns, oldest first."""

    action: Literal["getSession"]
    """The action."""

    cursor: NotRequired[str | None]
    """The `cursor` of the page before; left out for the first page."""

    limit: NotRequired[int | None]
    """Entries of the page, 1 to 100; 100 if left out."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    sessionId: NotRequired[str | None]
    """The session: a UUID. Left out, the connection's own."""


JobStatus: TypeAlias = Literal["queued", "processing", "completed", "failed", "cancelled"]


class ListConnectionsRequest(TypedDict):
    """Asks for connections of the tenant, by page."""

    action: Literal["listConnections"]
    """The action."""

    cursor: NotRequired[str | None]
    """The `cursor` of the page before; left out for the first page."""

    limit: NotRequired[int | None]
    """Entries of the page, 1 to 100; 100 if left out."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    userId: NotRequired[str | None]
    """A user of the admin's tenant. At most 256 bytes."""


class ListDeadLettersRequest(TypedDict):
    """Asks for the tenant's failed runs."""

    action: Literal["listDeadLetters"]
    """The action."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""


class ListJobsRequest(TypedDict):
    """Asks for the user's jobs, newest first, by page."""

    action: Literal["listJobs"]
    """The action."""

    cursor: NotRequired[str | None]
    """The `cursor` of the page before; left out for the first page."""

    limit: NotRequired[int | None]
    """Entries of the page, 1 to 100; 100 if left out."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    status: NotRequired[JobStatus | None]
    """Only jobs in this state."""

    userId: NotRequired[str | None]
    """For admins: another user of the tenant. At most 256 bytes."""


class ListNotificationsRequest(TypedDict):
    """Asks for the user's messages and notifications, unread ones first, by page."""

    action: Literal["listNotifications"]
    """The action."""

    cursor: NotRequired[str | None]
    """The `cursor` of the page before; left out for the first page."""

    limit: NotRequired[int | None]
    """Entries of the page, 1 to 100; 100 if left out."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    unread: NotRequired[bool | None]
    """Only unread ones."""


class ListOpenJobsRequest(TypedDict):
    """Asks for the tenant's open jobs, oldest first."""

    action: Literal["listOpenJobs"]
    """The action."""

    limit: NotRequired[int | None]
    """Entries of the page, 1 to 100; 100 if left out."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    status: NotRequired[JobStatus | None]
    """Only jobs in this state."""


class ListSessionsRequest(TypedDict):
    """Asks for the user's sessions, newest first, by page."""

    action: Literal["listSessions"]
    """The action."""

    cursor: NotRequired[str | None]
    """The `cursor` of the page before; left out for the first page."""

    limit: NotRequired[int | None]
    """Entries of the page, 1 to 100; 100 if left out."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""


class NotificationAckRequest(TypedDict):
    """Says that a message or notification was shown."""

    action: Literal["notificationAck"]
    """The action."""

    notificationId: str
    """A notification's id, or a message's `messageId`."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""


class PingRequest(TypedDict):
    """Asks for a `pong`. Allowed before `authenticate`."""

    action: Literal["ping"]
    """The action."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""


class QueryRequest(TypedDict):
    """Submits a job. Its events are pushed to the connection."""

    action: Literal["query"]
    """The action."""

    deadlineSeconds: NotRequired[int | None]
    """Seconds until the job fails with `DEADLINE` if it has not ended: 1 to 604,800; a day if left out."""

    idempotencyKey: NotRequired[str | None]
    """
    A submit with a key that this user has used starts nothing and is answered like `subscribe`; with different work
    it is a `CONFLICT`. At most 256 characters.
    """

    kind: str
    """The kind of analysis, such as `finops`."""

    params: NotRequired[dict[str, Any] | None]
    """Parameters of the analysis: an object."""

    query: str
    """The question. At most 24 KiB of UTF-8, and not blank."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    sessionId: NotRequired[str | None]
    """Makes the job the next turn of this session."""

    supersede: NotRequired[bool | None]
    """Cancels the session's open turns instead of waiting for them. Needs `sessionId`."""

    traceparent: NotRequired[str | None]
    """The client's own span, in the form of W3C Trace Context."""

    userId: NotRequired[str | None]
    """Has to agree with the token."""

    username: NotRequired[str | None]
    """Has to agree with the token."""


class RefreshTokenRequest(TypedDict):
    """Renews the connection's identity with a newer token of the same user."""

    action: Literal["refreshToken"]
    """The action."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    token: str
    """A JWT."""


class ReplayJobRequest(TypedDict):
    """Resolves a failed job: usually it runs again."""

    action: Literal["replayJob"]
    """The action."""

    fromStart: NotRequired[bool | None]
    """Whether the new run ignores the checkpoints."""

    jobId: str
    """The job: a UUID. Any other text is answered like the id of an unknown job."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""


class SendMessageRequest(TypedDict):
    """Sends a message of a chat. The answer comes as `chunk` frames and `complete`."""

    action: Literal["sendMessage"]
    """The action."""

    deadlineSeconds: NotRequired[int | None]
    """Seconds until the job fails with `DEADLINE` if it has not ended: 1 to 604,800; a day if left out."""

    kind: NotRequired[str | None]
    """The kind of analysis; `chat` if left out."""

    message: str
    """At most 24 KiB of UTF-8, and not blank."""

    params: NotRequired[dict[str, Any] | None]
    """Parameters of the analysis: an object."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    sessionId: NotRequired[str | None]
    """The session that the message belongs to; left out, the connection's own."""

    supersede: NotRequired[bool | None]
    """Cancels the session's open turns instead of waiting for them."""

    traceparent: NotRequired[str | None]
    """The client's own span, in the form of W3C Trace Context."""

    userId: NotRequired[str | None]
    """Has to agree with the token."""

    username: NotRequired[str | None]
    """Has to agree with the token."""


class SetStatusRequest(TypedDict):
    """Sets the status in a connection's record. A disconnected one gets no more pushes."""

    action: Literal["setStatus"]
    """The action."""

    connectionId: str
    """The gateway's id of the connection."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    status: ConnectionStatus
    """The status from now on."""


class StartSessionRequest(TypedDict):
    """Gives the connection's messages a session, new or an earlier one of the user's."""

    action: Literal["startSession"]
    """The action."""

    keep: NotRequired[bool | None]
    """Whether it outlasts the connection."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    sessionId: NotRequired[str | None]
    """An earlier session; left out for a new one."""


class SubscribeJobRequest(TypedDict):
    """Follows a job, from the last event that the client has applied."""

    action: Literal["subscribe", "resume"]
    """The action."""

    after: NotRequired[int | None]
    """The `seq` of the last event applied; 0 or left out for all."""

    jobId: str
    """The job: a UUID. Any other text is answered like the id of an unknown job."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""


class SubscribeToDealsRequest(TypedDict):
    """Subscribes the connection to the topic `new-deals`, or to another."""

    action: Literal["subscribeToDeals"]
    """The action."""

    filters: NotRequired[dict[str, Any] | None]
    """
    Conditions on fields of the publication, at most 16 and 1 KiB; all must hold. A value, a list for one of them, or
    `minX` and `maxX` for a number `x`.
    """

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    topic: NotRequired[str | None]
    """1 to 128 letters, digits and `-_.:/@+`."""


class SubscribeTopicRequest(TypedDict):
    """Subscribes the connection to a topic, or joins a room (`room:<id>`)."""

    action: Literal["subscribe"]
    """The action."""

    filters: NotRequired[dict[str, Any] | None]
    """
    Conditions on fields of the publication, at most 16 and 1 KiB; all must hold. A value, a list for one of them, or
    `minX` and `maxX` for a number `x`.
    """

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    topic: str
    """1 to 128 letters, digits and `-_.:/@+`."""


class TextMessageRequest(TypedDict):
    """Sends a message of a chat. The answer comes as `text_response` frames."""

    action: Literal["text_message"]
    """The action."""

    deadlineSeconds: NotRequired[int | None]
    """Seconds until the job fails with `DEADLINE` if it has not ended: 1 to 604,800; a day if left out."""

    kind: NotRequired[str | None]
    """The kind of analysis; `chat` if left out."""

    params: NotRequired[dict[str, Any] | None]
    """Parameters of the analysis: an object."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    sessionId: NotRequired[str | None]
    """The session that the message belongs to; left out, the connection's own."""

    supersede: NotRequired[bool | None]
    """Cancels the session's open turns instead of waiting for them."""

    text: str
    """At most 24 KiB of UTF-8, and not blank."""

    traceparent: NotRequired[str | None]
    """The client's own span, in the form of W3C Trace Context."""

    userId: NotRequired[str | None]
    """Has to agree with the token."""

    username: NotRequired[str | None]
    """Has to agree with the token."""


class TypingIndicatorRequest(TypedDict):
    """Tells a user that the caller is typing, or has stopped. It has no response."""

    action: Literal["typing_indicator"]
    """The action."""

    isTyping: NotRequired[bool | None]
    """False if left out."""

    recipientId: str
    """A user of the caller's tenant, at most 256 bytes."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""


class UnsubscribeJobRequest(TypedDict):
    """Stops following a job."""

    action: Literal["unsubscribe"]
    """The action."""

    jobId: str
    """The job: a UUID. Any other text is answered like the id of an unknown job."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""


class UnsubscribeTopicRequest(TypedDict):
    """Ends a subscription of any of the user's connections."""

    action: Literal["unsubscribe"]
    """The action."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    subscriptionId: str
    """As `subscriptionConfirmed` has it."""


class VoiceDataRequest(TypedDict):
    """Stores a piece of a recording."""

    action: Literal["voice_data"]
    """The action."""

    audio: str
    """Base64, at most 24 KiB of it."""

    index: int
    """The piece's position in the recording, from 0; below 36,000."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    sessionId: str
    """The session of `voice_started`."""


class VoiceEndRequest(TypedDict):
    """Ends a recording and submits the job that processes it."""

    action: Literal["voice_end"]
    """The action."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    sessionId: str
    """The session of `voice_started`."""


class VoiceStartRequest(TypedDict):
    """Begins a recording."""

    action: Literal["voice_start"]
    """The action."""

    format: NotRequired[str | None]
    """Such as `wav` or `pcm`; `wav` if left out. At most 64 characters."""

    requestId: NotRequired[str | None]
    """Repeated in the response, and in every event of the job that this starts."""

    sessionId: NotRequired[str | None]
    """The session: a UUID. Left out, the connection's own."""


ActiveStatus: TypeAlias = Literal["active"]


class ActiveStatusSubscription(TypedDict):
    """A subscription to a topic."""

    status: ActiveStatus
    """Whether it is active."""

    subscriptionId: str
    """The topic's name and a UUID, joined by a dot."""

    topic: str
    """1 to 128 letters, digits and `-_.:/@+`."""


class BroadcastCounts(TypedDict):
    """What became of the pushes to connections."""

    gone: int
    """Closed connections, which are not pushed to again."""

    lost: int
    """Pushes that failed."""

    sent: int
    """Connections that received it."""


class ChatMetadata(TypedDict):
    """Which job a piece belongs to, and whether it is the last."""

    done: bool
    """Whether the answer is complete."""

    jobId: str
    """The job."""


class ChatNotice(TypedDict):
    """A notice that is no part of the answer, in the dialect of `chat_message`."""

    content: str
    """The notice. At most 512 bytes."""

    jobId: str
    """The job: a UUID. `subscribe` and `cancel` take it."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job."""

    seq: int
    """
    The sequence number of the event that this shows. After a crash the last piece may come again under the same
    number.
    """

    timestamp: int
    """When the event happened: in Unix seconds, or in the dialect of `text_message` RFC 3339 in UTC with milliseconds."""

    type: Literal["system"]


class ChatResponse(TypedDict):
    """A piece of the answer, in the dialect of `chat_message`."""

    content: str
    """To be appended to the pieces before it; empty in the last."""

    jobId: str
    """The job: a UUID. `subscribe` and `cancel` take it."""

    metadata: ChatMetadata
    """Which job, and whether it is the last."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job."""

    seq: int
    """
    The sequence number of the event that this shows. After a crash the last piece may come again under the same
    number.
    """

    timestamp: int
    """When the event happened: in Unix seconds, or in the dialect of `text_message` RFC 3339 in UTC with milliseconds."""

    type: Literal["chat_response"]


class ChatTyping(TypedDict):
    """The answer is being written, or no longer, in the dialect of `chat_message`."""

    isTyping: bool
    """Whether it is being written."""

    jobId: str
    """The job: a UUID. `subscribe` and `cancel` take it."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job."""

    seq: int
    """
    The sequence number of the event that this shows. After a crash the last piece may come again under the same
    number.
    """

    timestamp: int
    """When the event happened: in Unix seconds, or in the dialect of `text_message` RFC 3339 in UTC with milliseconds."""

    type: Literal["typing_indicator"]


class CleanupCounts(TypedDict):
    """What became of connections without activity for an hour."""

    closed: int
    """Idle connections that were closed."""

    kept: int
    """Connections with later activity, which stay."""

    removed: int
    """Records removed, since the gateway had no such connection."""


class ConnectionStatusSet(TypedDict):
    """A connection whose status changed."""

    connectionId: str
    """The gateway's id."""

    status: ConnectionStatus
    """The status from now on."""


class ConnectionView(TypedDict):
    """The record of a connection, without the fields that it lacks."""

    connectedAt: str
    """RFC 3339 in UTC, with milliseconds."""

    connectionId: str
    """The gateway's id."""

    disconnectedAt: NotRequired[str]
    """RFC 3339 in UTC, with milliseconds."""

    ipAddress: NotRequired[str]
    """As API Gateway reports it."""

    lastActivity: str
    """To the minute. RFC 3339 in UTC, with milliseconds."""

    sessionId: NotRequired[str]
    """The session that its messages belong to."""

    status: ConnectionStatus
    """Whether it is open."""

    tenantId: NotRequired[str]
    """The user's tenant."""

    ttl: int
    """Until when the record is stored, in Unix seconds."""

    userAgent: NotRequired[str]
    """As the client sent it."""

    userId: NotRequired[str]
    """The user, once the connection is authenticated."""

    username: NotRequired[str]
    """The user's name for people."""


DeliveryStatus: TypeAlias = Literal["delivered", "stored"]


EndedStatus: TypeAlias = Literal["ended"]


class EndedStatusSubscription(TypedDict):
    """A subscription to a topic."""

    status: EndedStatus
    """Whether it is active."""

    subscriptionId: str
    """The topic's name and a UUID, joined by a dot."""

    topic: str
    """1 to 128 letters, digits and `-_.:/@+`."""


ErrorCode: TypeAlias = Literal["AUTHENTICATION_ERROR", "AUTHORIZATION_ERROR", "VALIDATION_ERROR", "CONFLICT", "RATE_LIMIT_EXCEEDED", "NOT_FOUND", "CONNECTION_ERROR", "INTERNAL_ERROR"]


class ErrorCodeData(TypedDict):
    """What went wrong."""

    code: ErrorCode
    """For programs."""

    details: dict[str, Any]
    """More about it, by code: `field`, `actions`, `kinds`, `statuses`, `missing`, `errorId`."""

    message: str
    """A sentence for people."""


class ErrorFrame(TypedDict):
    """A frame was refused, or what it asked for failed."""

    content: str
    """The sentence in `data.message`."""

    data: ErrorCodeData
    """What went wrong."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that was refused. At most 128 characters."""

    retryAfter: NotRequired[int]
    """Seconds until a retry may help."""

    retryable: NotRequired[bool]
    """Whether a retry may help. Only in answers to `chat_message`."""

    timestamp: int
    """When it was refused, in Unix seconds."""

    type: Literal["error"]


Gone: TypeAlias = Literal["gone"]


class GoneJob(TypedDict):
    """A job that is unknown, past its retention, or another user's."""

    jobId: str
    """As the frame named it, at most its first 64 bytes."""

    status: Gone
    """Always `gone`."""


JobErrorCode: TypeAlias = Literal["POISON", "DEADLINE", "UNKNOWN_KIND", "EXPIRED", "TIMEOUT", "CRASHED", "UNWRITTEN", "RESULT_TOO_LARGE", "STEP_NAME", "STEP_NOT_JSON", "STEP_TOO_LARGE", "BAD_PARAMS", "FUNCTION_FAILED", "AGENT_REJECTED", "PROGRAM_REJECTED", "PROGRAM_FAILED", "PROGRAM_DIED", "UNSEALED", "NO_RECORDING", "BAD_TRANSCRIPTION", "MODEL_THROTTLED", "MODEL_QUOTA", "MODEL_NOT_READY", "MODEL_UNAVAILABLE", "MODEL_TIMEOUT", "MODEL_FAILED", "MODEL_INTERRUPTED", "MODEL_REFUSED_INPUT", "MODEL_ACCESS_DENIED", "MODEL_NOT_FOUND", "MODEL_CONVERSATION_TOO_LONG", "MODEL_NO_ANSWER", "MODEL_UNREADABLE", "BILL_UNREADABLE", "BILL_UNREACHABLE", "BILL_REPLACED", "SOURCE_UNREADABLE", "SOURCE_UNREACHABLE", "SOURCE_REFUSED", "NOOP_FAILED", "NOOP_REJECTED"] | str


class JobErrorView(TypedDict):
    """Why a job failed."""

    code: JobErrorCode
    """What went wrong."""

    message: str
    """A sentence."""

    retryable: bool
    """Whether asking again may help."""


class LastErrorView(TypedDict):
    """The error of an earlier attempt."""

    at: str
    """When. RFC 3339 in UTC, with milliseconds."""

    code: JobErrorCode
    """What went wrong."""

    message: str
    """A sentence."""


MessageData = TypedDict(
    "MessageData",
    {
        "content": str,
        "from": str,
        "messageId": str,
        "type": str,
    },
)


class Notification(TypedDict):
    """What was published on a topic, in a room, or to a user."""

    data: dict[str, Any]
    """What was published: an object, at most 120 KiB."""

    notificationId: str
    """A UUID, the same if the notification comes again."""

    publishedId: NotRequired[str]
    """A UUID, the same for all subscriptions that receive this publication."""

    subscriptionId: NotRequired[str]
    """The subscription that matched, for a topic's or a room's."""

    timestamp: int
    """When it was sent or published, in Unix seconds."""

    topic: NotRequired[str]
    """The topic, if there is one."""

    type: str
    """What the publisher chose. At most 128 characters; a room's messages have `message`."""


Open: TypeAlias = Literal["open"]


ProgressStatus: TypeAlias = Literal["processing", "retrying"]


ReadStatus: TypeAlias = Literal["unread", "read"]


class RecordedPiece(TypedDict):
    """A stored piece of a recording."""

    index: int
    """The piece's position in the recording, from 0."""

    sessionId: str
    """The recording's session."""


ResolutionName: TypeAlias = Literal["replay", "send", "delete", "leave"]


class ResultRef(TypedDict):
    """Where a result is that is too large for a frame. A GET of `url` returns it, compressed by gzip."""

    bytes: int
    """The size of the JSON before compression."""

    contentType: str
    """A media type."""

    sha256: str
    """The hash of the JSON before compression, in lower-case hexadecimal digits."""

    url: str | None
    """A signed URL, valid for 15 minutes at most; `null` where none could be signed: `getJob` gives a fresh one."""


class SendMessageChunk(TypedDict):
    """The next piece of the answer, in the dialect of `sendMessage`."""

    content: str
    """To be appended to the pieces before it."""

    jobId: str
    """The job: a UUID. `subscribe` and `cancel` take it."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job."""

    seq: int
    """
    The sequence number of the event that this shows. After a crash the last piece may come again under the same
    number.
    """

    timestamp: int
    """When the event happened: in Unix seconds, or in the dialect of `text_message` RFC 3339 in UTC with milliseconds."""

    type: Literal["chunk"]


class SendMessageComplete(TypedDict):
    """The answer is complete, in the dialect of `sendMessage`."""

    content: str
    """Always empty."""

    jobId: str
    """The job: a UUID. `subscribe` and `cancel` take it."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job."""

    seq: int
    """
    The sequence number of the event that this shows. After a crash the last piece may come again under the same
    number.
    """

    timestamp: int
    """When the event happened: in Unix seconds, or in the dialect of `text_message` RFC 3339 in UTC with milliseconds."""

    type: Literal["complete"]


class SentMessage(TypedDict):
    """A message that was sent."""

    messageId: str
    """A UUID: the recipient acknowledges it as `notificationId`."""

    status: DeliveryStatus
    """Whether it has arrived."""

    timestamp: int
    """When it was sent, in Unix seconds."""


class SessionView(TypedDict):
    """A session."""

    endedAt: NotRequired[str]
    """RFC 3339 in UTC, with milliseconds; left out while it is open."""

    keep: bool
    """Whether it outlasts the connection that started it."""

    sessionId: str
    """A UUID."""

    startedAt: str
    """RFC 3339 in UTC, with milliseconds."""

    turns: int
    """Number of its turns."""

    updatedAt: str
    """When its last turn was accepted. RFC 3339 in UTC, with milliseconds."""


StatusOrGone: TypeAlias = JobStatus | Gone


StepState: TypeAlias = Literal["saved"]


SubscribeMode: TypeAlias = Literal["replay", "gone"]


class SystemNotice(TypedDict):
    """A notice of an operator or admin."""

    content: str
    """The notice. At most 24 KiB."""

    timestamp: int
    """When it was sent or published, in Unix seconds."""

    type: Literal["system"]


class TextPiece(TypedDict):
    """A piece of the answer."""

    done: bool
    """Whether the answer is complete."""

    text: str
    """To be appended to the pieces before it; empty in the last."""


class TextResponse(TypedDict):
    """A piece of the answer, in the dialect of `text_message` and of voice messages."""

    data: TextPiece
    """The piece."""

    jobId: str
    """The job: a UUID. `subscribe` and `cancel` take it."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job."""

    seq: int
    """
    The sequence number of the event that this shows. After a crash the last piece may come again under the same
    number.
    """

    timestamp: str
    """When the event happened: in Unix seconds, or in the dialect of `text_message` RFC 3339 in UTC with milliseconds."""

    type: Literal["text_response"]


TurnStatus: TypeAlias = JobStatus | Open


class TurnView(TypedDict):
    """One turn of a session."""

    answer: NotRequired[str]
    """The first 24 KiB of the answer."""

    at: str
    """When it was accepted. RFC 3339 in UTC, with milliseconds."""

    jobId: str
    """The turn's job."""

    message: str
    """The question. At most 24 KiB."""

    status: TurnStatus
    """The status in which the turn's job ended, or `open`."""

    turn: int
    """1 for the session's first turn."""


TypingUser = TypedDict(
    "TypingUser",
    {
        "from": str
    },
)


class Usage(TypedDict):
    """Attempts and times of a completed job."""

    attempts: int
    """Number of attempts of this run."""

    queuedMs: int
    """Milliseconds from the submit, or the replay, to the first attempt."""

    runMs: int
    """Milliseconds from the first attempt to the end."""


class UserTyping(TypedDict):
    """Another user is typing, or has stopped."""

    data: TypingUser
    """Who it is."""

    isTyping: bool
    """Whether the user is typing."""

    timestamp: int
    """When it was sent or published, in Unix seconds."""

    type: Literal["typing_indicator"]


class VoiceAck(TypedDict):
    """A piece of a recording is stored. The response to `voice_data`."""

    data: RecordedPiece
    """The piece."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: str
    """When the frame was answered. RFC 3339 in UTC, with milliseconds."""

    type: Literal["voice_ack"]


class VoiceSession(TypedDict):
    """The session of a recording."""

    sessionId: str
    """A UUID: `voice_data` and `voice_end` name it."""


class VoiceStarted(TypedDict):
    """A recording has begun. The response to `voice_start`."""

    data: VoiceSession
    """The session that the recording belongs to."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: str
    """When the frame was answered. RFC 3339 in UTC, with milliseconds."""

    type: Literal["voice_started"]


class Warning(TypedDict):
    """A field of the frame that the action does not know, and that is ignored."""

    field: str
    """The field's name, at most its first 64 bytes."""

    message: str
    """A sentence for people, with the name that was probably meant."""


class WorkerLost(TypedDict):
    """The worker of an attempt gave no more signs of life: it crashed, or it ran out of time. Another attempt follows."""

    at: str
    """When the event happened. RFC 3339 in UTC, with milliseconds."""

    attempt: int
    """The attempt that is lost."""

    jobId: str
    """The job: a UUID."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job. All followers receive it."""

    seq: int
    """
    The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
    identity: the same event may come more than once.
    """

    timestamp: int
    """When the event happened, in Unix seconds."""

    type: Literal["worker_lost"]
    warnings: NotRequired[list[Warning]]
    """
    Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
    the connection that submitted.
    """


ClientFrame: TypeAlias = AuthenticateRequest | RefreshTokenRequest | PingRequest | QueryRequest | FinopsQueryRequest | SubscribeJobRequest | UnsubscribeJobRequest | CancelRequest | GetEventsRequest | GetJobRequest | ListJobsRequest | SendMessageRequest | ChatMessageRequest | TextMessageRequest | VoiceStartRequest | VoiceDataRequest | VoiceEndRequest | StartSessionRequest | EndSessionRequest | GetSessionRequest | ListSessionsRequest | SubscribeTopicRequest | SubscribeToDealsRequest | UnsubscribeTopicRequest | DirectMessageRequest | TypingIndicatorRequest | NotificationAckRequest | ListNotificationsRequest | ListConnectionsRequest | SetStatusRequest | CloseConnectionRequest | CleanupConnectionsRequest | BroadcastRequest | ListOpenJobsRequest | ListDeadLettersRequest | ReplayJobRequest


class Acknowledged(TypedDict):
    """What was acknowledged."""

    notificationId: str
    """The message's or notification's id."""

    status: ReadStatus
    """Always `read`."""


class AttemptFailed(TypedDict):
    """An attempt failed, and another follows."""

    at: str
    """When the event happened. RFC 3339 in UTC, with milliseconds."""

    attempt: int
    """The attempt that failed."""

    code: JobErrorCode
    """What went wrong."""

    error: str
    """A sentence for people."""

    jobId: str
    """The job: a UUID."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job. All followers receive it."""

    retryAt: str
    """When the next attempt starts, at the earliest. RFC 3339 in UTC, with milliseconds."""

    seq: int
    """
    The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
    identity: the same event may come more than once.
    """

    timestamp: int
    """When the event happened, in Unix seconds."""

    type: Literal["attempt_failed"]
    warnings: NotRequired[list[Warning]]
    """
    Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
    the connection that submitted.
    """


class AttemptStarted(TypedDict):
    """
    Another attempt starts, or the same one continues after a hand-over. A job's first attempt has no such event: it
    starts with the first `progress_update`.
    """

    at: str
    """When the event happened. RFC 3339 in UTC, with milliseconds."""

    attempt: int
    """The attempt of this run, from 1."""

    invocation: str
    """The worker's invocation, as its log names it."""

    jobId: str
    """The job: a UUID."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job. All followers receive it."""

    resumed: bool
    """Whether it continues the same attempt, after a hand-over."""

    seq: int
    """
    The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
    identity: the same event may come more than once.
    """

    timestamp: int
    """When the event happened, in Unix seconds."""

    type: Literal["attempt_started"]
    warnings: NotRequired[list[Warning]]
    """
    Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
    the connection that submitted.
    """


class Authenticated(TypedDict):
    """The connection has an identity. The response to `authenticate`."""

    connectionId: str
    """The connection's id, as admins see it."""

    expiresAt: int
    """When the token expires, in Unix seconds."""

    message: str
    """A sentence for people."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["authenticated"]
    userId: str
    """The user: the token's `sub`, or the claim that the deployment names. At most 256 bytes."""

    username: str
    """The user's name for people."""

    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class BroadcastSent(TypedDict):
    """A `system` frame is pushed to a page of connections. The response to `broadcast`."""

    cursor: NotRequired[str]
    """The `cursor` of the next page; left out on the last."""

    data: BroadcastCounts
    """Numbers of connections."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["broadcastSent"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class Cancelling(TypedDict):
    """The job is being cancelled; its event `job_cancelled` follows. The response to `cancel`."""

    jobId: str
    """The job."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["cancelling"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class Chunk(TypedDict):
    """The next piece of the answer."""

    at: str
    """When the event happened. RFC 3339 in UTC, with milliseconds."""

    content: str
    """To be appended to the pieces before it. At most 27 KiB of JSON."""

    jobId: str
    """The job: a UUID."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job. All followers receive it."""

    seq: int
    """
    The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
    identity: the same event may come more than once.
    """

    timestamp: int
    """When the event happened, in Unix seconds."""

    type: Literal["chunk"]
    warnings: NotRequired[list[Warning]]
    """
    Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
    the connection that submitted.
    """


class ConnectionClosed(TypedDict):
    """A connection is closed. The response to `closeConnection`."""

    data: ConnectionStatusSet
    """The connection."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["connectionClosed"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class Connections(TypedDict):
    """A page of connections of the admin's tenant. The response to `listConnections`."""

    connections: list[ConnectionView]
    """Open ones and those that closed within a day, as many as fit one frame."""

    cursor: NotRequired[str]
    """The `cursor` of the next page; left out on the last."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["connections"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class ConnectionsCleaned(TypedDict):
    """A page of connections is cleaned up. The response to `cleanupConnections`."""

    cursor: NotRequired[str]
    """The `cursor` of the next page; left out on the last."""

    data: CleanupCounts
    """Numbers of connections."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["connectionsCleaned"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class DeadLetterView(TypedDict):
    """A failed run of a job, and what a replay would do with it."""

    attempts: int | None
    """The attempts of this run; `null` where the dead letter does not say."""

    code: JobErrorCode | None
    """Why it failed; `null` where the dead letter does not say."""

    do: ResolutionName
    """What `replayJob` would do."""

    error: str | None
    """A sentence; `null` where the dead letter does not say."""

    jobId: str
    """The job."""

    kind: str | None
    """The kind of analysis; `null` if it is not known."""

    letters: int
    """Number of its dead letters."""

    run: int | None
    """The number of the run, from 0; `null` where the dead letter does not say."""

    since: str
    """When it failed. RFC 3339 in UTC, with milliseconds."""

    status: JobStatus | None
    """The job's status; `null` if it is gone."""

    userId: str | None
    """The job's owner; `null` if that is not known."""


class DeadLetters(TypedDict):
    """Failed runs of the admin's tenant. The response to `listDeadLetters`."""

    deadLetters: list[DeadLetterView]
    """As many as fit one frame."""

    more: bool
    """Whether there are more."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["deadLetters"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


DialectErrorCode: TypeAlias = Literal["STREAM_RESET", "CANCELLED"] | JobErrorCode


class DialectErrorCodeData(TypedDict):
    """What went wrong."""

    code: DialectErrorCode
    """For programs."""

    details: dict[str, Any]
    """More about it, by code: `field`, `actions`, `kinds`, `statuses`, `missing`, `errorId`."""

    message: str
    """A sentence for people."""


class DirectMessage(TypedDict):
    """A message of another user, stored until it is acknowledged."""

    data: MessageData
    """The message."""

    timestamp: int
    """When it was sent or published, in Unix seconds."""

    type: Literal["message"]


class HandedOver(TypedDict):
    """The attempt continues in another invocation, since the time of this one is nearly over."""

    at: str
    """When the event happened. RFC 3339 in UTC, with milliseconds."""

    attempt: int
    """The attempt that continues."""

    jobId: str
    """The job: a UUID."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job. All followers receive it."""

    seq: int
    """
    The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
    identity: the same event may come more than once.
    """

    timestamp: int
    """When the event happened, in Unix seconds."""

    type: Literal["handed_over"]
    warnings: NotRequired[list[Warning]]
    """
    Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
    the connection that submitted.
    """


class JobCancelled(TypedDict):
    """The job was cancelled."""

    at: str
    """When the event happened. RFC 3339 in UTC, with milliseconds."""

    by: str
    """A user's id, or `operator`."""

    content: NotRequired[str]
    """The beginning of what was streamed until then."""

    jobId: str
    """The job: a UUID."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job. All followers receive it."""

    seq: int
    """
    The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
    identity: the same event may come more than once.
    """

    timestamp: int
    """When the event happened, in Unix seconds."""

    type: Literal["job_cancelled"]
    warnings: NotRequired[list[Warning]]
    """
    Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
    the connection that submitted.
    """


class JobCompleted(TypedDict):
    """The job ended with a result."""

    at: str
    """When the event happened. RFC 3339 in UTC, with milliseconds."""

    jobId: str
    """The job: a UUID."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job. All followers receive it."""

    result: NotRequired[Any]
    """The result of the analysis: any JSON, at most 100 KiB. A larger one is in `resultRef`."""

    resultRef: NotRequired[ResultRef]
    """Where a larger result is."""

    seq: int
    """
    The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
    identity: the same event may come more than once.
    """

    timestamp: int
    """When the event happened, in Unix seconds."""

    type: Literal["job_completed"]
    usage: Usage
    """Attempts and times."""

    warnings: NotRequired[list[Warning]]
    """
    Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
    the connection that submitted.
    """


class JobFailed(TypedDict):
    """The job ended with an error."""

    at: str
    """When the event happened. RFC 3339 in UTC, with milliseconds."""

    attempts: int
    """Number of attempts of this run."""

    code: JobErrorCode
    """What went wrong."""

    error: str
    """A sentence for people."""

    jobId: str
    """The job: a UUID."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job. All followers receive it."""

    retryable: bool
    """Whether asking again may help."""

    seq: int
    """
    The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
    identity: the same event may come more than once.
    """

    timestamp: int
    """When the event happened, in Unix seconds."""

    type: Literal["job_failed"]
    warnings: NotRequired[list[Warning]]
    """
    Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
    the connection that submitted.
    """


class JobQueued(TypedDict):
    """The job is accepted and durable: it will reach an end. Always the first event."""

    at: str
    """When the event happened. RFC 3339 in UTC, with milliseconds."""

    jobId: str
    """The job: a UUID."""

    message: str
    """A sentence for people."""

    progress: int
    """Percent: 5."""

    query: str
    """The question. At most 24 KiB."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job. All followers receive it."""

    seq: int
    """
    The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
    identity: the same event may come more than once.
    """

    timestamp: int
    """When the event happened, in Unix seconds."""

    type: Literal["job_queued"]
    warnings: NotRequired[list[Warning]]
    """
    Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
    the connection that submitted.
    """


class JobUnsubscribed(TypedDict):
    """The connection does not follow the job any more. The response to `unsubscribe` with `jobId`."""

    jobId: str
    """The job, as the frame named it."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["unsubscribed"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class JobView(TypedDict):
    """A job without its result. Times are RFC 3339 in UTC, with milliseconds."""

    attempt: int
    """The attempt of this run, from 1; 0 before the first."""

    cancelledBy: NotRequired[str]
    """Who cancelled it: a user's id, or `operator`."""

    createdAt: str
    """When it was submitted."""

    deadlineAt: str
    """When it ends at the latest."""

    error: NotRequired[JobErrorView]
    """Why it failed."""

    finishedAt: NotRequired[str]
    """When it ended."""

    jobId: str
    """A UUID."""

    kind: str
    """The kind of analysis."""

    lastError: NotRequired[LastErrorView]
    """The error of the attempt before."""

    message: str
    """The latest progress message. At most 512 bytes."""

    progress: int
    """Percent, 0 to 100."""

    query: str
    """The question, or the first 512 bytes of it."""

    replays: NotRequired[int]
    """Number of replays by an operator or admin."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted it."""

    seq: int
    """The sequence number of the latest event."""

    startedAt: NotRequired[str]
    """When its first attempt began."""

    status: JobStatus
    """The state."""

    updatedAt: str
    """When its row was last written."""

    userId: str
    """The owner."""


class JobWithResult(TypedDict):
    """A job with its parameters and its result."""

    attempt: int
    """The attempt of this run, from 1; 0 before the first."""

    cancelledBy: NotRequired[str]
    """Who cancelled it: a user's id, or `operator`."""

    createdAt: str
    """When it was submitted."""

    deadlineAt: str
    """When it ends at the latest."""

    error: NotRequired[JobErrorView]
    """Why it failed."""

    finishedAt: NotRequired[str]
    """When it ended."""

    jobId: str
    """A UUID."""

    kind: str
    """The kind of analysis."""

    lastError: NotRequired[LastErrorView]
    """The error of the attempt before."""

    message: str
    """The latest progress message. At most 512 bytes."""

    params: NotRequired[dict[str, Any] | None]
    """The parameters of its submit; `null` where a large result leaves no space for them."""

    progress: int
    """Percent, 0 to 100."""

    query: str
    """The question, or the first 512 bytes of it."""

    replays: NotRequired[int]
    """Number of replays by an operator or admin."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted it."""

    result: NotRequired[Any]
    """The result of the analysis: any JSON, at most 100 KiB."""

    resultRef: NotRequired[ResultRef]
    """Where a larger result is."""

    seq: int
    """The sequence number of the latest event."""

    startedAt: NotRequired[str]
    """When its first attempt began."""

    status: JobStatus
    """The state."""

    updatedAt: str
    """When its row was last written."""

    userId: str
    """The owner."""


class Jobs(TypedDict):
    """A page of jobs, newest first. The response to `listJobs`."""

    cursor: NotRequired[str]
    """The `cursor` of the next page; left out on the last."""

    jobs: list[JobView]
    """At most 100; may be empty and still have a `cursor`."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["jobs"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class MessageSent(TypedDict):
    """A message is on its way. The response to `sendMessage` with `recipientId`."""

    data: SentMessage
    """The message."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["messageSent"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class NotificationView(TypedDict):
    """An entry of the inbox."""

    at: str
    """When it was sent. RFC 3339 in UTC, with milliseconds."""

    data: Any
    """What was published; for a message `messageId`, `from`, `content` and `type`."""

    notificationId: str
    """A UUID."""

    status: ReadStatus
    """Whether it was acknowledged."""

    topic: NotRequired[str]
    """The topic that it is about, if it has one."""

    type: str
    """`message` for a message of another user, otherwise what the publisher chose. At most 128 characters."""


class Notifications(TypedDict):
    """A page of the inbox: unread entries, then read ones, each newest first. The response to `listNotifications`."""

    cursor: NotRequired[str]
    """The `cursor` of the next page; left out on the last."""

    notifications: list[NotificationView]
    """At most 100, and as many as fit one frame."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["notifications"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class OpenJobs(TypedDict):
    """Open jobs of the admin's tenant, oldest first. The response to `listOpenJobs`."""

    jobs: list[JobView]
    """At most 100, and as many as fit one frame."""

    more: bool
    """Whether there are more."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["openJobs"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class Pong(TypedDict):
    """The response to `ping`."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["pong"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class ProgressUpdate(TypedDict):
    """The job goes on. Only the latest counts: `subscribed` has no other, `getEvents` has all."""

    at: str
    """When the event happened. RFC 3339 in UTC, with milliseconds."""

    attempt: int
    """The attempt of this run, from 1."""

    jobId: str
    """The job: a UUID."""

    message: str
    """A sentence for people. At most 512 bytes."""

    progress: int
    """Percent, 0 to 100. It never falls within an attempt."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job. All followers receive it."""

    seq: int
    """
    The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
    identity: the same event may come more than once.
    """

    status: ProgressStatus
    """Whether the attempt runs or waits to be tried again."""

    timestamp: int
    """When the event happened, in Unix seconds."""

    type: Literal["progress_update"]
    warnings: NotRequired[list[Warning]]
    """
    Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
    the connection that submitted.
    """


class ReplayedJob(TypedDict):
    """What was done about a failed job."""

    did: ResolutionName
    """What was done."""

    jobId: str
    """The job."""

    letters: int
    """Number of dead letters that were deleted."""

    run: int | None
    """The number of the run, from 0; `null` if the job is gone."""

    status: JobStatus | None
    """The job's status afterwards; `null` if it is gone."""


class SessionEnded(TypedDict):
    """The session takes no more turns. The response to `endSession`."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    sessionId: str
    """The session."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["sessionEnded"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class SessionPage(TypedDict):
    """A session and a page of its turns, oldest first. The response to `getSession`."""

    cursor: NotRequired[str]
    """The `cursor` of the next page; left out on the last."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    session: SessionView
    """The session."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    turns: list[TurnView]
    """At most 100."""

    type: Literal["session"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class SessionStarted(TypedDict):
    """The connection's messages belong to this session from now on. The response to `startSession`."""

    keep: bool
    """Whether it outlasts the connection."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    sessionId: str
    """The session."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["sessionStarted"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class Sessions(TypedDict):
    """A page of sessions, newest first. The response to `listSessions`."""

    cursor: NotRequired[str]
    """The `cursor` of the next page; left out on the last."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    sessions: list[SessionView]
    """At most 100."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["sessions"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class StatusSet(TypedDict):
    """A connection's status is set. The response to `setStatus`."""

    data: ConnectionStatusSet
    """The connection."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["statusSet"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class Step(TypedDict):
    """A step's result was stored: no later attempt repeats it."""

    at: str
    """When the event happened. RFC 3339 in UTC, with milliseconds."""

    jobId: str
    """The job: a UUID."""

    ms: int
    """How long it took, in milliseconds."""

    name: str
    """The step's name. At most 64 bytes."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job. All followers receive it."""

    seq: int
    """
    The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
    identity: the same event may come more than once.
    """

    state: StepState
    """What happened to it."""

    timestamp: int
    """When the event happened, in Unix seconds."""

    type: Literal["step"]
    warnings: NotRequired[list[Warning]]
    """
    Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
    the connection that submitted.
    """


class StreamReset(TypedDict):
    """A retry starts whose text differs: a part of the answer no longer counts."""

    at: str
    """When the event happened. RFC 3339 in UTC, with milliseconds."""

    attempt: int
    """The attempt that starts."""

    jobId: str
    """The job: a UUID."""

    keepThrough: int
    """Chunks with a higher `seq` than this are to be discarded; 0 for all."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job. All followers receive it."""

    seq: int
    """
    The event's sequence number: 1 for `job_queued`, then rising by one with each event. It is an event's
    identity: the same event may come more than once.
    """

    timestamp: int
    """When the event happened, in Unix seconds."""

    type: Literal["stream_reset"]
    warnings: NotRequired[list[Warning]]
    """
    Fields of the submit that were ignored, since its action does not know them. Only in the first `job_queued`, to
    the connection that submitted.
    """


class SubscriptionConfirmed(TypedDict):
    """A subscription to a topic has begun. The response to `subscribe` with `topic`, and to `subscribeToDeals`."""

    data: ActiveStatusSubscription
    """The subscription."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["subscriptionConfirmed"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class TextError(TypedDict):
    """The answer ends with an error, in the dialect of `text_message` and of voice messages."""

    content: str
    """The sentence in `data.message`."""

    data: DialectErrorCodeData
    """What went wrong."""

    jobId: str
    """The job: a UUID. `subscribe` and `cancel` take it."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job."""

    seq: int
    """
    The sequence number of the event that this shows. After a crash the last piece may come again under the same
    number.
    """

    timestamp: str
    """When the event happened: in Unix seconds, or in the dialect of `text_message` RFC 3339 in UTC with milliseconds."""

    type: Literal["error"]


class TokenRefreshed(TypedDict):
    """The connection's identity is renewed. The response to `refreshToken`."""

    expiresAt: int
    """When the newer token expires, in Unix seconds."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["tokenRefreshed"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class TopicUnsubscribed(TypedDict):
    """A subscription to a topic has ended. The response to `unsubscribe` with `subscriptionId`."""

    data: EndedStatusSubscription
    """The subscription."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["unsubscribed"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class AckConfirmed(TypedDict):
    """A message or notification is read. The response to `notificationAck`."""

    data: Acknowledged
    """What was acknowledged."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["ackConfirmed"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class DialectError(TypedDict):
    """The answer ends with an error, in the dialects of `sendMessage` and `chat_message`."""

    content: str
    """The sentence in `data.message`."""

    data: DialectErrorCodeData
    """What went wrong."""

    jobId: str
    """The job: a UUID. `subscribe` and `cancel` take it."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that submitted the job."""

    retryable: NotRequired[bool]
    """Whether a retry may help. Only in the dialect of `chat_message`."""

    seq: int
    """
    The sequence number of the event that this shows. After a crash the last piece may come again under the same
    number.
    """

    timestamp: int
    """When the event happened: in Unix seconds, or in the dialect of `text_message` RFC 3339 in UTC with milliseconds."""

    type: Literal["error"]


JobEvent: TypeAlias = JobQueued | ProgressUpdate | Chunk | StreamReset | AttemptStarted | AttemptFailed | WorkerLost | HandedOver | Step | JobCompleted | JobFailed | JobCancelled


class JobReplayed(TypedDict):
    """A failed job is resolved. The response to `replayJob`."""

    data: ReplayedJob
    """What was done."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["jobReplayed"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


JobResponse: TypeAlias = JobWithResult | GoneJob


class Subscribed(TypedDict):
    """
    The events of a job after the last one that the client has applied, or that it has no such job. The response to
    `subscribe` with `jobId`, and to a `query` whose idempotency key is in use.
    """

    events: list[JobEvent]
    """Every chunk, the end, and the latest of the progress after `after`, in order of `seq`."""

    head: int
    """The sequence number of the latest event; 0 if the job is gone."""

    jobId: str
    """The job, as the frame named it."""

    mode: SubscribeMode
    """Whether there is such a job."""

    more: bool
    """
    Whether there are more: subscribe again with the last `seq` of `events`. Until it is false, pushed events above
    `head` have to wait.
    """

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    retryAfter: NotRequired[int]
    """
    Present if the connection does not follow the job, since as many others do as are allowed: subscribe again after
    this many seconds.
    """

    skippedThrough: NotRequired[int]
    """
    Events up to this `seq` were left out, since later ones replace them: earlier progress, and attempts that are over.
    `getEvents` returns them. Missing if `events` is gapless.
    """

    status: StatusOrGone
    """The job's state."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["subscribed"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class EventsPage(TypedDict):
    """
    A page of a job's events, from its first on and without gaps, or that you have no such job. The response to
    `getEvents`.
    """

    events: list[JobEvent]
    """
    The events after `after`, in order of `seq`: at most `limit`, and as many as fit one frame. Each is as it was pushed,
    but for a result's `url`, which is a fresh one. A job that was replayed has the `job_failed` of each earlier run.
    """

    head: int
    """The sequence number of the latest event; 0 if the job is gone."""

    jobId: str
    """The job, as the frame named it."""

    more: bool
    """Whether there are more: ask again with the last `seq` of `events`."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    status: StatusOrGone
    """The job's state."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["events"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


class Job(TypedDict):
    """One job. The response to `getJob`, and to `cancel` of a job that has ended."""

    job: JobResponse
    """The job, or that you have no such job."""

    requestId: NotRequired[str]
    """The `requestId` of the frame that this responds to. At most 128 characters."""

    timestamp: int
    """When the frame was answered, in Unix seconds."""

    type: Literal["job"]
    warnings: NotRequired[list[Warning]]
    """Fields of the frame that were ignored, since the action does not know them."""


ServerFrame: TypeAlias = JobQueued | ProgressUpdate | Chunk | StreamReset | AttemptStarted | AttemptFailed | WorkerLost | HandedOver | Step | JobCompleted | JobFailed | JobCancelled | Subscribed | EventsPage | ErrorFrame | Authenticated | TokenRefreshed | Pong | Cancelling | Job | Jobs | JobUnsubscribed | SubscriptionConfirmed | TopicUnsubscribed | MessageSent | AckConfirmed | Notifications | SessionStarted | SessionEnded | SessionPage | Sessions | Connections | StatusSet | ConnectionClosed | ConnectionsCleaned | BroadcastSent | OpenJobs | DeadLetters | JobReplayed | DirectMessage | UserTyping | SystemNotice | SendMessageChunk | SendMessageComplete | ChatResponse | ChatTyping | ChatNotice | DialectError | TextResponse | TextError | VoiceStarted | VoiceAck
