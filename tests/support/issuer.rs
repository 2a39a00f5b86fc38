//! An identity provider under test control: keys of its own, tokens signed with them, and the set of its
//! public keys on a real HTTP server. It signs by the bytes, without the library that reads its tokens.

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

/// A key of the issuer's, with its id.
pub struct Key {
    pub id: &'static str,
    pair: Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl Key {
    pub fn rsa(id: &'static str) -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
        let pair = Pair::Rsa(pair);
        Self { id, pair }
    }

    pub fn ec(id: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let pair = Pair::Ec(pair);
        Self { id, pair }
    }

    /// A token as the issuer signs it.
    pub fn sign(&self, claims: &Value) -> String {
        let algorithm = match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
        };
        self.sign_as(
            &json!({"alg": algorithm, "kid": self.id, "typ": "JWT"}),
            claims,
        )
    }

    /// A token with a header of one's own choosing, signed with this key.
    pub fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        let random = SystemRandom::new();
        let signature = match &self.pair {
            Pair::Rsa(pair) => {
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
            Pair::Ec(pair) => {
                let signature = pair.sign(&random, signed.as_bytes()).expect("a signature");
                signature.as_ref().to_vec()
            }
        };
        format!("{signed}.{}", BASE64.encode(signature))
    }

    /// What the issuer publishes of it.
    pub fn public(&self) -> Value {
        match &self.pair {
            Pair::Rsa(pair) => {
                let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
                let text = |bytes: &[u8]| BASE64.encode(bytes);
                json!({"kid": self.id, "kty": "RSA", "alg": "RS256", "use": "sig",
                    "n": text(n.big_endian_without_leading_zero()), "e": text(e.big_endian_without_leading_zero())})
            }
            Pair::Ec(pair) => {
                // 4, then both coordinates.
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kid": self.id, "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig",
                    "x": BASE64.encode(x), "y": BASE64.encode(y)})
            }
        }
    }

    /// The public key's bytes, as an attacker would try them for a shared secret.
    pub fn public_bytes(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
        }
    }
}

/// Header and claims of a token that nobody has signed.
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

/// The issuer's server, on the loopback.
pub struct Issuer {
    /// What is configured, and what tokens have as `iss`.
    pub url: String,
    published: Arc<Mutex<Option<Value>>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    pub async fn start(keys: &[&Key]) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let issuer = Self {
            url: format!("http://{}/pool", listener.local_addr()?),
            published: Arc::default(),
            asked: Arc::default(),
        };
        issuer.publish(keys);
        let (published, asked) = (issuer.published.clone(), issuer.asked.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                // Each on its own: one that connects and says nothing must not hold up the others.
                tokio::spawn(answer(socket, published.clone(), asked.clone()));
            }
        });
        Ok(issuer)
    }

    /// From now on these keys and no others are its own.
    pub fn publish(&self, keys: &[&Key]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.public()).collect();
        *self.published.lock().expect("unpoisoned") = Some(json!({ "keys": keys }));
    }

    /// From now on it answers 503.
    pub fn go_down(&self) {
        *self.published.lock().expect("unpoisoned") = None;
    }

    /// How often its keys were asked for.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Claims that its access tokens have for our one application.
    pub fn claims(&self, user: &str) -> Value {
        json!({"sub": user, "iss": self.url, "client_id": "app", "token_use": "access", "username": user, "exp": u32::MAX})
    }
}

async fn answer(
    mut socket: TcpStream,
    published: Arc<Mutex<Option<Value>>>,
    asked: Arc<AtomicUsize>,
) -> Result<()> {
    let mut request = vec![];
    while !request.ends_with(b"\r\n\r\n") {
        request.push(socket.read_u8().await?);
    }
    let path = String::from_utf8(request)?;
    let path = path.split(' ').nth(1).context("no path")?.to_owned();
    asked.fetch_add(1, Ordering::SeqCst);
    let document = published.lock().expect("unpoisoned").clone();
    let (status, body) = match (path.as_str(), document) {
        ("/pool/.well-known/jwks.json", Some(keys)) => ("200 OK", keys.to_string()),
        (_, Some(_)) => ("404 Not Found", String::new()),
        (_, None) => ("503 Service Unavailable", String::new()),
    };
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
    socket.write_all(answer.as_bytes()).await?;
    Ok(())
}
