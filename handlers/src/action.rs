//! What an action is: the names of its frames, how it is parsed, who may ask for it, and what it does.

use std::any::Any;
use std::pin::Pin;

use longhaul_shared::domain::limits;
use longhaul_shared::protocol::request::{Request, Warning, field_names, matchable};
use longhaul_shared::protocol::{ErrorResponse, Fields};

use crate::app_context::AppContext;
use crate::caller::Caller;
use crate::frame::{ActionResult, FrameContext};

/// One action of the WebSocket API, as a parsed frame.
pub trait Action: Sized + Send + 'static {
    /// Who may ask for it.
    type Caller: Caller;

    /// Its frame, as a type: whose fields it knows.
    type Request: Request;

    /// The names that a frame may give it in `action`.
    const NAMES: &'static [&'static str] = Self::Request::ACTIONS;

    /// Whether it belongs to a dialect, whose frames have no warnings.
    const IS_OF_DIALECT: bool = false;

    /// Whether a frame with one of these names means this action, where two actions share a name.
    fn matches(_fields: &Fields) -> bool {
        true
    }

    fn parse(fields: &Fields) -> Result<Self, ErrorResponse>;

    fn run(
        self,
        app: &AppContext,
        frame: &FrameContext,
        caller: &Self::Caller,
    ) -> impl Future<Output = ActionResult> + Send;
}

/// An action's row in the table of actions.
pub struct Registration {
    pub names: &'static [&'static str],
    /// Whether it needs no authentication.
    pub is_public: bool,
    is_of_dialect: bool,
    fields: fn() -> &'static [&'static str],
    matches: fn(&Fields) -> bool,
    parse: fn(&Fields) -> Result<ParsedAction, ErrorResponse>,
}

/// An action whose frame is parsed, whatever its type.
pub type ParsedAction = Box<dyn RunAction>;

/// The table's row for an action.
pub const fn register<A: Action>() -> Registration {
    Registration {
        names: A::NAMES,
        is_public: A::Caller::IS_PUBLIC,
        is_of_dialect: A::IS_OF_DIALECT,
        fields: field_names::<A::Request>,
        matches: A::matches,
        parse: |fields| A::parse(fields).map(|action| Box::new(action) as ParsedAction),
    }
}

/// A parsed action of any type.
pub trait RunAction: Any + Send {
    /// Identifies the caller and runs the action.
    fn run<'a>(
        self: Box<Self>,
        app: &'a AppContext,
        frame: &'a FrameContext,
    ) -> Pin<Box<dyn Future<Output = ActionResult> + Send + 'a>>;
}

impl<A: Action> RunAction for A {
    fn run<'a>(
        self: Box<Self>,
        app: &'a AppContext,
        frame: &'a FrameContext,
    ) -> Pin<Box<dyn Future<Output = ActionResult> + Send + 'a>> {
        Box::pin(async move {
            let caller = A::Caller::identify(app, frame).await?;
            A::run(*self, app, frame, &caller).await
        })
    }
}

/// A client's frame.
pub struct ParsedFrame {
    pub request_id: Option<String>,
    /// Whether it names an action that needs no authentication.
    pub is_public: bool,
    pub action: Result<ParsedAction, ErrorResponse>,
    /// About fields that the action does not know.
    pub warnings: Vec<Warning>,
}

impl ParsedFrame {
    /// Parses a frame by a table of actions. Where several actions have the frame's name, the first that
    /// matches it is meant.
    pub fn parse(text: &str, table: &[Registration]) -> Self {
        let invalid = |request_id, error| Self {
            request_id,
            is_public: false,
            action: Err(error),
            warnings: vec![],
        };
        let parsed = Fields::parse(text);
        let parsed = parsed.and_then(|fields| Ok((fields.request_id()?, fields)));
        let (request_id, fields) = match parsed {
            Ok(parsed) => parsed,
            Err(error) => {
                let (request_id, error) = matchable(text, error);
                return invalid(request_id, error);
            }
        };
        let Some(name) = fields.action() else {
            let error = ErrorResponse::field("action", "The frame has no 'action'.");
            return invalid(request_id, error.with("actions", names(table)));
        };
        let mut named = table.iter().filter(|row| row.names.contains(&name));
        let Some(row) = named.find(|row| (row.matches)(&fields)) else {
            let message = format!("There is no action '{}'.", limits::prefix(name, 64));
            let error = ErrorResponse::field("action", message);
            return invalid(request_id, error.with("actions", names(table)));
        };
        Self {
            request_id,
            is_public: row.is_public,
            action: (row.parse)(&fields),
            warnings: match row.is_of_dialect {
                true => vec![],
                false => fields.warnings((row.fields)()),
            },
        }
    }
}

/// Every action's name, sorted.
fn names(table: &[Registration]) -> Vec<&'static str> {
    let mut names: Vec<&str> = table.iter().flat_map(|row| row.names).copied().collect();
    names.sort_unstable();
    names.dedup();
    names
}
