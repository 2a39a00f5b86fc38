//! An HTTP server that plays an identity provider: it has signing keys and publishes their public parts as a JWKS, with a
//! discovery document or without. Tokens are signed here by a cryptographic library, not by the JWT library that the
//! product verifies them with.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::{Context, Result};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use aws_lc_rs::{hmac, signature::KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::stack::Stack;

/// A key of the issuer.
pub struct SigningKey {
    pub id: &'static str,
    pair: KeyPairKind,
}

enum KeyPairKind {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl SigningKey {
    pub fn rsa(id: &'static str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        let pair = KeyPairKind::Rsa(pair);
        Self { id, pair }
    }

    pub fn ec(id: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let pair = KeyPairKind::Ec(pair);
        Self { id, pair }
    }

    /// A token with the usual header.
    pub fn sign(&self, claims: &Value) -> String {
        let algorithm = match self.pair {
            KeyPairKind::Rsa(_) => "RS256",
            KeyPairKind::Ec(_) => "ES256",
        };
        self.sign_with_header(
            &json!({"alg": algorithm, "kid": self.id, "typ": "JWT"}),
            claims,
        )
    }

    /// A token with any header, signed with this key.
    pub fn sign_with_header(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        let random = SystemRandom::new();
        let signature = match &self.pair {
            KeyPairKind::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &random,
                    signed.as_bytes(),
                    &mut signature,
                )
                .expect("a signature");
                signature
            }
            KeyPairKind::Ec(pair) => {
                let signature = pair.sign(&random, signed.as_bytes()).expect("a signature");
                signature.as_ref().to_vec()
            }
        };
        format!("{signed}.{}", BASE64.encode(signature))
    }

    /// Its public part as a JWK.
    pub fn jwk(&self) -> Value {
        match &self.pair {
            KeyPairKind::Rsa(pair) => {
                let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
                let text = |bytes: &[u8]| BASE64.encode(bytes);
                json!({"kid": self.id, "kty": "RSA", "alg": "RS256", "use": "sig",
                    "n": text(n.big_endian_without_leading_zero()), "e": text(e.big_endian_without_leading_zero())})
            }
            KeyPairKind::Ec(pair) => {
                // The byte 4, then both coordinates.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kid": self.id, "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
                    "x": BASE64.encode(x), "y": BASE64.encode(y)})
            }
        }
    }

    /// The public key's bytes, which an attacker may try as the secret of HS256.
    pub fn public_bytes(&self) -> Vec<u8> {
        match &self.pair {
            KeyPairKind::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            KeyPairKind::Ec(pair) => pair.public_key().as_ref().to_vec(),
        }
    }
}

/// Header and claims of a token, without a signature.
pub fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| BASE64.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// A token signed with HMAC-SHA256 and this secret.
pub fn hs256(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let signed = unsigned(header, claims);
    let tag = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, secret),
        signed.as_bytes(),
    );
    format!("{signed}.{}", BASE64.encode(tag))
}

/// The issuer's server, on loopback.
pub struct Issuer {
    /// The `iss` of its tokens, which a stack is configured with.
    pub url: String,
    /// Without a path.
    pub origin: String,
    served: Arc<Mutex<Served>>,
}

/// What the server answers, and what it was asked.
#[derive(Default)]
struct Served {
    /// By path.
    documents: BTreeMap<String, String>,
    is_down: bool,
    requests: Vec<String>,
}

impl Issuer {
    /// An issuer without a discovery document, which publishes these keys at `/.well-known/jwks.json`.
    pub async fn start(keys: &[&SigningKey]) -> Result<Self> {
        let issuer = Self::at("/pool").await?;
        issuer.publish(keys);
        Ok(issuer)
    }

    /// An issuer below this path that publishes nothing yet.
    pub async fn at(path: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let origin = format!("http://{}", listener.local_addr()?);
        let issuer = Self {
            url: format!("{origin}{path}"),
            origin,
            served: Arc::default(),
        };
        let served = issuer.served.clone();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                // A connection that sends nothing must not hold up the others.
                tokio::spawn(respond(socket, served.clone()));
            }
        });
        Ok(issuer)
    }

    fn served(&self) -> MutexGuard<'_, Served> {
        self.served.lock().expect("unpoisoned")
    }

    /// Serves a document at a path of the server, and is no longer down.
    pub fn serve(&self, path: &str, document: impl ToString) {
        let mut served = self.served();
        served
            .documents
            .insert(path.to_owned(), document.to_string());
        served.is_down = false;
    }

    /// From now on the path is not found.
    pub fn withdraw(&self, path: &str) {
        self.served().documents.remove(path);
    }

    /// The path of a well-known document, which is below the issuer's own.
    pub fn well_known(&self, name: &str) -> String {
        let path = self.url.trim_start_matches(&self.origin);
        format!("{}/.well-known/{name}", path.trim_end_matches('/'))
    }

    /// Replaces the published keys of an issuer without a discovery document.
    pub fn publish(&self, keys: &[&SigningKey]) {
        self.serve(&self.well_known("jwks.json"), key_set(keys));
    }

    /// Publishes a discovery document that names this path for the keys.
    pub fn publish_discovery(&self, keys_path: &str) {
        let keys = format!("{}{keys_path}", self.origin);
        let document = json!({"issuer": self.url, "jwks_uri": keys});
        self.serve(&self.well_known("openid-configuration"), document);
    }

    /// From now on it answers 503.
    pub fn go_down(&self) {
        self.served().is_down = true;
    }

    /// The number of requests so far.
    pub fn request_count(&self) -> usize {
        self.served().requests.len()
    }

    /// The number of requests for this path so far.
    pub fn requests_for(&self, path: &str) -> usize {
        let served = self.served();
        served
            .requests
            .iter()
            .filter(|asked| *asked == path)
            .count()
    }

    /// The claims of an access token for the application `app`.
    pub fn claims(&self, user: &str) -> Value {
        json!({"sub": user, "iss": self.url, "client_id": "app", "token_use": "access", "username": user, "exp": u32::MAX})
    }
}

/// A JWKS of these keys.
pub fn key_set(keys: &[&SigningKey]) -> Value {
    let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
    json!({ "keys": keys })
}

/// A stack that accepts this issuer's access tokens for `app` and `console`, signed by these algorithms.
pub async fn stack_with_issuer(issuer: &Issuer, algorithms: &str) -> Result<Stack> {
    let parameters = [
        format!("TokenAlgorithms={algorithms}"),
        format!("TokenIssuer={}", issuer.url),
        "TokenAudiences=app,console".to_owned(),
        "TokenUse=access".to_owned(),
    ];
    let parameters: Vec<&str> = parameters.iter().map(String::as_str).collect();
    stack_with_parameters(&parameters).await
}

/// A stack with these template parameters.
pub async fn stack_with_parameters(parameters: &[&str]) -> Result<Stack> {
    let options: Vec<&str> = parameters
        .iter()
        .flat_map(|parameter| ["--parameter", parameter])
        .collect();
    Stack::start(&options).await
}

async fn respond(mut socket: TcpStream, served: Arc<Mutex<Served>>) -> Result<()> {
    let mut request = vec![];
    while !request.ends_with(b"\r\n\r\n") {
        request.push(socket.read_u8().await?);
    }
    let path = String::from_utf8(request)?;
    let path = path.split(' ').nth(1).context("no path")?.to_owned();
    let (status, body) = {
        let mut served = served.lock().expect("unpoisoned");
        served.requests.push(path.clone());
        match served.documents.get(&path) {
            _ if served.is_down => ("503 Service Unavailable", String::new()),
            Some(document) => ("200 OK", document.clone()),
            None => ("404 Not Found", String::new()),
        }
    };
    let length = body.len();
    let response =
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    socket.write_all(response.as_bytes()).await?;
    Ok(())
}
