//! The codes of failed jobs: one enum of those that the engine, the sweep and the analyses of this repository give.
//!
//! `docs/error-codes.md` holds the same table. An analysis of your own may give a code of its own.

/// Declares the codes, each with its text in rows and frames, and whether asking again may help.
macro_rules! job_error_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal, $retryable:ident;)+) => {
        /// Why a job failed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum JobErrorCode {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl JobErrorCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// As rows and frames spell it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// When it is given.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($doc),+),)+
                }
            }

            /// Whether the work may succeed later, so that asking again may help.
            pub const fn is_retryable(self) -> bool {
                match self {
                    $(Self::$variant => job_error_codes!(@$retryable),)+
                }
            }
        }
    };
    (@retryable) => { true };
    (@lasting) => { false };
}

job_error_codes! {
    // The engine and the sweep.
    /// The job crashed its worker too many times. It leaves a dead letter.
    Poison = "POISON", lasting;
    /// The job did not end by its deadline.
    Deadline = "DEADLINE", retryable;
    /// The worker has no analysis of the job's kind.
    UnknownKind = "UNKNOWN_KIND", lasting;
    /// The job's query and params are past their retention.
    Expired = "EXPIRED", lasting;
    /// The invocation's time ran out, and no step or streamed text was stored that the next could continue from.
    Timeout = "TIMEOUT", retryable;
    /// The analysis panicked.
    Crashed = "CRASHED", retryable;
    /// The streamed text or the result could not be stored.
    Unwritten = "UNWRITTEN", retryable;
    /// The result is larger than 64 MiB of JSON.
    ResultTooLarge = "RESULT_TOO_LARGE", lasting;
    /// A step's name is empty or longer than 128 bytes.
    StepName = "STEP_NAME", lasting;
    /// A step's input or result can't be written as JSON.
    StepNotJson = "STEP_NOT_JSON", lasting;
    /// A step's result and text are larger than 350 KiB.
    StepTooLarge = "STEP_TOO_LARGE", lasting;
    // Several analyses.
    /// The job's params do not fit its kind (`noop`, `voice`).
    BadParams = "BAD_PARAMS", lasting;
    /// A Lambda function that does part of the work failed (agents, transcribers).
    FunctionFailed = "FUNCTION_FAILED", retryable;
    // Agents in Lambda functions.
    /// The agent rejected the question.
    AgentRejected = "AGENT_REJECTED", lasting;
    // Programs.
    /// The program rejected the question.
    ProgramRejected = "PROGRAM_REJECTED", lasting;
    /// The program asked for another attempt.
    ProgramFailed = "PROGRAM_FAILED", retryable;
    /// The program could not be started, ended without a result, or broke the line protocol.
    ProgramDied = "PROGRAM_DIED", retryable;
    // `voice`.
    /// The recording's pieces could not be joined.
    Unsealed = "UNSEALED", retryable;
    /// There is no such recording, or it is empty.
    NoRecording = "NO_RECORDING", lasting;
    /// The transcriber's response has neither an answer nor a transcript that can be used.
    BadTranscription = "BAD_TRANSCRIPTION", lasting;
    // `chat`.
    /// The model or agent runtime throttles requests.
    ModelThrottled = "MODEL_THROTTLED", retryable;
    /// The account's quota of the model is used up.
    ModelQuota = "MODEL_QUOTA", retryable;
    /// The model is not ready yet.
    ModelNotReady = "MODEL_NOT_READY", retryable;
    /// The model's service can't be reached or is down.
    ModelUnavailable = "MODEL_UNAVAILABLE", retryable;
    /// The model sent nothing for three minutes.
    ModelTimeout = "MODEL_TIMEOUT", retryable;
    /// The model failed while it answered.
    ModelFailed = "MODEL_FAILED", retryable;
    /// The model's answer ended before it was complete.
    ModelInterrupted = "MODEL_INTERRUPTED", retryable;
    /// The model rejected the conversation as invalid.
    ModelRefusedInput = "MODEL_REFUSED_INPUT", lasting;
    /// The worker's role may not invoke the model.
    ModelAccessDenied = "MODEL_ACCESS_DENIED", lasting;
    /// The configured model or agent runtime does not exist.
    ModelNotFound = "MODEL_NOT_FOUND", lasting;
    /// The conversation is too long for the model.
    ModelConversationTooLong = "MODEL_CONVERSATION_TOO_LONG", lasting;
    /// The model kept asking its tool and gave no answer.
    ModelNoAnswer = "MODEL_NO_ANSWER", lasting;
    /// The agent runtime's answer is empty, too long, or of an unknown form.
    ModelUnreadable = "MODEL_UNREADABLE", lasting;
    // `finops`.
    /// The bill can't be read: it does not exist, access is denied, or its content is malformed.
    BillUnreadable = "BILL_UNREADABLE", lasting;
    /// S3 did not deliver the bill.
    BillUnreachable = "BILL_UNREACHABLE", retryable;
    /// The bill was replaced while it was read.
    BillReplaced = "BILL_REPLACED", retryable;
    /// A cost service of AWS answered in an unknown form.
    SourceUnreadable = "SOURCE_UNREADABLE", lasting;
    /// A cost service of AWS did not answer.
    SourceUnreachable = "SOURCE_UNREACHABLE", retryable;
    /// A cost service of AWS refused to answer.
    SourceRefused = "SOURCE_REFUSED", lasting;
    // `noop`.
    /// The job asked to fail with another attempt.
    NoopFailed = "NOOP_FAILED", retryable;
    /// The job asked to fail at once.
    NoopRejected = "NOOP_REJECTED", lasting;
}

impl JobErrorCode {
    /// The reverse of [`JobErrorCode::as_str`]; `None` for a code that an analysis of somebody's own gave.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

impl std::fmt::Display for JobErrorCode {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// So that a failure takes a code of this list and one of an analysis's own alike.
impl From<JobErrorCode> for &'static str {
    fn from(code: JobErrorCode) -> Self {
        code.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENTED: &str = include_str!("../../../../docs/error-codes.md");

    #[test]
    fn the_documentation_lists_every_code() {
        let rows = DOCUMENTED.lines().filter(|line| line.starts_with("| `"));
        let documented: Vec<&str> = rows.collect();
        let row = |code: &JobErrorCode| {
            let again = if code.is_retryable() { "yes" } else { "no" };
            format!("| `{code}` | {again} | {} |", code.meaning().trim())
        };
        let expected: Vec<String> = JobErrorCode::ALL.iter().map(row).collect();
        assert_eq!(
            documented,
            expected,
            "docs/error-codes.md:\n{}",
            expected.join("\n")
        );
    }

    #[test]
    fn texts_are_distinct_and_parse_back() {
        for code in JobErrorCode::ALL {
            assert_eq!(JobErrorCode::parse(code.as_str()), Some(*code));
        }
        assert_eq!(JobErrorCode::parse("MY_CODE"), None);
    }
}
