//! The settings of tokens: how they are verified, and which of their claims make an identity.

use longhaul_shared::auth::{
    ClaimPath, ClaimRules, InvalidVerifier, TokenSecret, Verifier, VerifierOptions,
};
use longhaul_shared::aws::clients::AwsClients;
use longhaul_shared::settings;
use longhaul_shared::settings::{
    SettingsError, Variable, group, list, optional_text, split_list, switch, text,
};

settings! {
    /// How tokens are verified.
    pub struct TokenSettings {
        /// The algorithms of accepted tokens: `HS256` alone, or `RS256`, `ES256` or both.
        pub algorithms: Vec<String> = list("TOKEN_ALGORITHMS"),
        /// The issuer of accepted tokens, an https URL. Its published keys verify `RS256` and `ES256`, which
        /// need it.
        pub issuer: Option<String> = optional_text("TOKEN_ISSUER"),
        /// The https URL of the issuer's keys; where it is left out, the issuer's discovery document says it.
        pub keys_url: Option<String> = optional_text("TOKEN_KEYS_URL"),
        /// The accepted values of a token's `aud` or `client_id`; any where it is left out.
        pub audiences: Vec<String> = list("TOKEN_AUDIENCES"),
        /// The accepted value of a token's `token_use`; any where it is left out.
        pub token_use: Option<String> = optional_text("TOKEN_USE"),
        /// The ARN of the secret that verifies `HS256`, which needs it.
        pub secret_arn: Option<String> = optional_text("TOKEN_SECRET_ARN"),
        /// Whether the secret's version before the present one verifies `HS256` too.
        pub accept_previous_secret: bool = switch("ACCEPT_PREVIOUS_SECRET"),
        /// Which claims make an identity.
        pub claims: ClaimSettings = group(),
    }
}

settings! {
    /// Which claims of a token make an identity. A claim is a name, or a JSON pointer that begins with `/`.
    pub struct ClaimSettings {
        /// The claim that identifies the user.
        pub user: ClaimPath = claim("USER_CLAIM").or("sub"),
        /// The claims that may name the tenant; the first that a token has does.
        pub tenant: Vec<ClaimPath> = claims("TENANT_CLAIM").or("tenant,custom:tenant"),
        /// The claims that may name the user in greetings; the first usable one does.
        pub name: Vec<ClaimPath> = claims("NAME_CLAIM").or("username,cognito:username"),
        /// The claims that may make a user an admin: a list, a text, or a text of words with spaces between them.
        pub admin: Vec<ClaimPath> = claims("ADMIN_CLAIM").or("cognito:groups"),
        /// The value by which they do.
        pub admin_value: String = text("ADMIN_VALUE").or("admin"),
    }
}

/// A claim: its name, or a JSON pointer that begins with `/`.
const fn claim(name: &'static str) -> Variable<ClaimPath> {
    let format = "a claim's name, or a JSON pointer that begins with /";
    Variable::new(name, format, ClaimPath::parse)
}

/// Claims with commas between them.
const fn claims(name: &'static str) -> Variable<Vec<ClaimPath>> {
    let parse = |text: &str| {
        let paths: Vec<ClaimPath> = split_list(text).flat_map(ClaimPath::parse).collect();
        Some(paths).filter(|paths| !paths.is_empty())
    };
    let format =
        "claims with commas between them, each a name, or a JSON pointer that begins with /";
    Variable::new(name, format, parse)
}

impl TokenSettings {
    /// The verifier of such tokens. `clients` read the secret.
    pub fn verifier(self, clients: &AwsClients) -> Result<Verifier, SettingsError> {
        let secret = self
            .secret_arn
            .map(|arn| TokenSecret::new(clients, arn, self.accept_previous_secret));
        let options = VerifierOptions {
            algorithms: self.algorithms,
            issuer: self.issuer,
            keys_url: self.keys_url,
            audiences: self.audiences,
            token_use: self.token_use,
            secret,
            claims: ClaimRules {
                user: self.claims.user,
                tenant: self.claims.tenant,
                name: self.claims.name,
                admin: self.claims.admin,
                admin_value: self.claims.admin_value,
            },
        };
        Verifier::new(options).map_err(|invalid| match invalid {
            InvalidVerifier::Algorithms => SettingsError::Malformed {
                name: "TOKEN_ALGORITHMS",
                expected: "HS256 alone, or RS256, ES256 or both",
            },
            InvalidVerifier::NoSecret => SettingsError::Missing("TOKEN_SECRET_ARN"),
            InvalidVerifier::NoIssuer => SettingsError::Missing("TOKEN_ISSUER"),
            InvalidVerifier::Issuer => SettingsError::Malformed {
                name: "TOKEN_ISSUER",
                expected: "an https URL",
            },
            InvalidVerifier::KeysUrl => SettingsError::Malformed {
                name: "TOKEN_KEYS_URL",
                expected: "an https URL",
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use longhaul_shared::aws::clients;
    use longhaul_shared::settings::{Environment, Settings};

    use super::*;

    #[test]
    fn without_claim_settings_the_claims_are_those_of_cognito() {
        let read = ClaimSettings::read(&Environment::given([])).unwrap();
        let default = ClaimRules::default();
        assert_eq!(read.user, default.user);
        assert_eq!(read.tenant, default.tenant);
        assert_eq!(read.name, default.name);
        assert_eq!(read.admin, default.admin);
        assert_eq!(read.admin_value, default.admin_value);
    }

    #[tokio::test]
    async fn a_malformed_setting_is_named() {
        let clients = clients::for_command("test", Some(("http://127.0.0.1:1", "us-east-1"))).await;
        let error = |name: &'static str, value: &str| {
            let variables = [
                ("TOKEN_ALGORITHMS", "RS256".to_owned()),
                ("TOKEN_ISSUER", "https://issuer.example".to_owned()),
                (name, value.to_owned()),
            ];
            let settings = TokenSettings::read(&Environment::given(variables));
            settings
                .and_then(|settings| settings.verifier(&clients))
                .err()
                .map(|error| error.to_string())
        };
        assert_eq!(error("TOKEN_KEYS_URL", "https://keys.example/certs"), None);
        for (name, value) in [
            ("TOKEN_KEYS_URL", "http://keys.example/certs"),
            ("TOKEN_ISSUER", "http://issuer.example"),
            ("ADMIN_CLAIM", " , "),
        ] {
            let error = error(name, value).unwrap_or_default();
            assert!(error.contains(name), "{name}={value}: {error}");
        }
    }
}
