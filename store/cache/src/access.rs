//! What gives access to a place, as the caller found it.

use rescience_exchange::{Credentials, Options, Token};

/// Credentials and connections. A folder needs none of it.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// How requests are sent: tries, waits, certificates, a proxy.
    pub http: Options,
    /// Of S3-compatible storage.
    pub s3: S3,
    /// Of an OCI registry.
    pub registry: Credentials,
}

/// What gives access to S3-compatible storage; without a key, requests are not signed.
#[derive(Debug, Clone, Default)]
pub struct S3 {
    /// `AWS_ACCESS_KEY_ID`.
    pub key_id: Option<String>,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret: Option<Token>,
    /// `AWS_SESSION_TOKEN`.
    pub session: Option<Token>,
    /// `AWS_REGION`; `us-east-1` if there is none.
    pub region: Option<String>,
    /// `AWS_ENDPOINT_URL`, such as `https://minio.example.org:9000`; Amazon's if there is none.
    pub endpoint: Option<String>,
}
