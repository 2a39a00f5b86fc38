//! `ping`: answered with `pong`, also before authentication.

use longhaul_shared::protocol::request::PingRequest;
use longhaul_shared::protocol::{ErrorResponse, Fields, Response};

use crate::action::Action;
use crate::app_context::AppContext;
use crate::caller::Anyone;
use crate::frame::{ActionResult, FrameContext};

pub struct Ping;

impl Action for Ping {
    type Caller = Anyone;
    type Request = PingRequest;

    fn parse(_fields: &Fields) -> Result<Self, ErrorResponse> {
        Ok(Self)
    }

    async fn run(self, _app: &AppContext, frame: &FrameContext, _caller: &Anyone) -> ActionResult {
        frame.respond(Response::Pong)
    }
}
