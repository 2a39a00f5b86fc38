//! Which claims make an identity: the user, their tenant and name, and whether they are an admin.

use jiff::Timestamp;
use serde_json::Value;

use crate::auth::{ClaimFault, Identity, TokenError};
use crate::domain::ids::Owner;

/// The limit of a claim that is stored in rows and sent in frames, in bytes.
const MAX_CLAIM_BYTES: usize = 256;

/// Where a claim is: its name, or a JSON pointer (RFC 6901) into nested claims if it begins with `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimPath(String);

impl ClaimPath {
    /// `None` for an empty text.
    pub fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.to_owned()))
    }

    /// The claim's value. `null` counts as absent, as issuers write it for an attribute that a user lacks.
    fn find<'c>(&self, claims: &'c Value) -> Option<&'c Value> {
        let found = match self.0.starts_with('/') {
            true => claims.pointer(&self.0),
            false => claims.get(&self.0),
        };
        found.filter(|value| !value.is_null())
    }
}

/// Which claims make an identity. Each list is of alternatives.
#[derive(Debug, Clone)]
pub struct ClaimRules {
    /// The claim that identifies the user. There is one only: with a second one a user could pass for another
    /// whose id is in the first.
    pub user: ClaimPath,
    /// The first of these that a token has names the tenant.
    pub tenant: Vec<ClaimPath>,
    /// The first of these that is usable is the name for greetings.
    pub name: Vec<ClaimPath>,
    /// The user is an admin if one of these has the value `admin_value`: in a list, as a text, or as a word of a
    /// text with spaces between them.
    pub admin: Vec<ClaimPath>,
    pub admin_value: String,
}

impl Default for ClaimRules {
    /// Claims of Amazon Cognito, and of tokens without a provider. No further claim makes an admin by itself:
    /// what `groups` or `roles` mean, and who may choose them, is known only to those who run the issuer.
    fn default() -> Self {
        let paths = |names: &[&str]| {
            let paths = names.iter().map(|name| ClaimPath((*name).to_owned()));
            paths.collect()
        };
        Self {
            user: ClaimPath("sub".to_owned()),
            tenant: paths(&["tenant", "custom:tenant"]),
            name: paths(&["username", "cognito:username"]),
            admin: paths(&["cognito:groups"]),
            admin_value: "admin".to_owned(),
        }
    }
}

impl ClaimRules {
    /// The identity that verified claims make.
    pub(super) fn identity(
        &self,
        claims: &Value,
        issued_at: Option<Timestamp>,
        expires_at: Timestamp,
    ) -> Result<Identity, TokenError> {
        let user = text(self.user.find(claims)).map_err(|fault| TokenError::User {
            claim: self.user.0.clone(),
            fault,
        })?;
        let mut names = self.name.iter().map(|path| text(path.find(claims)));
        let username = names.find_map(Result::ok).unwrap_or(user);
        Ok(Identity {
            owner: Owner {
                user: user.to_owned(),
                tenant: self.tenant(claims)?.map(str::to_owned),
            },
            username: username.to_owned(),
            issued_at,
            expires_at,
            is_admin: self.is_admin(claims),
        })
    }

    /// The tenant; `None` if the token has no such claim. A claim that is there and can't be used must not count as
    /// none: its user would be in the group of the users without a tenant.
    fn tenant<'c>(&self, claims: &'c Value) -> Result<Option<&'c str>, TokenError> {
        let mut found = self.tenant.iter().filter_map(|path| {
            let value = path.find(claims)?;
            Some(text(Some(value)).map_err(|fault| TokenError::Tenant {
                claim: path.0.clone(),
                fault,
            }))
        });
        found.next().transpose()
    }

    fn is_admin(&self, claims: &Value) -> bool {
        let wanted = self.admin_value.as_str();
        let has_value = |value: &Value| match value {
            Value::Array(values) => values.iter().any(|value| value == wanted),
            // RFC 6749, section 3.3, separates the words of a scope by spaces.
            Value::String(text) => text == wanted || text.split(' ').any(|word| word == wanted),
            _ => false,
        };
        let mut values = self.admin.iter().filter_map(|path| path.find(claims));
        values.any(has_value)
    }
}

/// A claim's text, if it can be stored in rows and sent in frames.
fn text(value: Option<&Value>) -> Result<&str, ClaimFault> {
    let text = value.ok_or(ClaimFault::Missing)?.as_str();
    let text = text.ok_or(ClaimFault::NotText)?;
    text_fault(text).map_or(Ok(text), Err)
}

/// Why a text can't be the id of a user or a tenant; `None` if it can.
pub fn text_fault(text: &str) -> Option<ClaimFault> {
    match text {
        "" => Some(ClaimFault::Empty),
        _ if text.len() > MAX_CLAIM_BYTES => Some(ClaimFault::TooLong),
        _ if text.chars().any(char::is_control) => Some(ClaimFault::ControlCharacter),
        _ => None,
    }
}
