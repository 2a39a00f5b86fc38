//! An HTTP server that plays an identity provider: it has signing keys and publishes their public parts as a JWKS. Tokens
//! are signed here by a cryptographic library, not by the JWT library that the product verifies them with.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

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
    published: Arc<Mutex<Option<Value>>>,
    request_count: Arc<AtomicUsize>,
}

impl Issuer {
    pub async fn start(keys: &[&SigningKey]) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let issuer = Self {
            url: format!("http://{}/pool", listener.local_addr()?),
            published: Arc::default(),
            request_count: Arc::default(),
        };
        issuer.publish(keys);
        let (published, request_count) = (issuer.published.clone(), issuer.request_count.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                // A connection that sends nothing must not hold up the others.
                tokio::spawn(respond(socket, published.clone(), request_count.clone()));
            }
        });
        Ok(issuer)
    }

    /// Replaces the published keys.
    pub fn publish(&self, keys: &[&SigningKey]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
        *self.published.lock().expect("unpoisoned") = Some(json!({ "keys": keys }));
    }

    /// From now on it answers 503.
    pub fn go_down(&self) {
        *self.published.lock().expect("unpoisoned") = None;
    }

    /// The number of requests so far.
    pub fn request_count(&self) -> usize {
        self.request_count.load(Ordering::SeqCst)
    }

    /// The claims of an access token for the application `app`.
    pub fn claims(&self, user: &str) -> Value {
        json!({"sub": user, "iss": self.url, "client_id": "app", "token_use": "access", "username": user, "exp": u32::MAX})
    }
}

/// A stack that accepts this issuer's access tokens for `app` and `console`, signed by these algorithms.
pub async fn stack_with_issuer(issuer: &Issuer, algorithms: &str) -> Result<Stack> {
    let parameters = [
        format!("TokenAlgorithms={algorithms}"),
        format!("TokenIssuer={}", issuer.url),
        "TokenAudiences=app,console".to_owned(),
        "TokenUse=access".to_owned(),
    ];
    let options: Vec<&str> = parameters
        .iter()
        .flat_map(|parameter| ["--parameter", parameter])
        .collect();
    Stack::start(&options).await
}

async fn respond(
    mut socket: TcpStream,
    published: Arc<Mutex<Option<Value>>>,
    request_count: Arc<AtomicUsize>,
) -> Result<()> {
    let mut request = vec![];
    while !request.ends_with(b"\r\n\r\n") {
        request.push(socket.read_u8().await?);
    }
    let path = String::from_utf8(request)?;
    let path = path.split(' ').nth(1).context("no path")?.to_owned();
    request_count.fetch_add(1, Ordering::SeqCst);
    let document = published.lock().expect("unpoisoned").clone();
    let (status, body) = match (path.as_str(), document) {
        ("/pool/.well-known/jwks.json", Some(keys)) => ("200 OK", keys.to_string()),
        (_, Some(_)) => ("404 Not Found", String::new()),
        (_, None) => ("503 Service Unavailable", String::new()),
    };
    let length = body.len();
    let response =
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    socket.write_all(response.as_bytes()).await?;
    Ok(())
}
