//! A cache in S3-compatible storage.
//!
//! | module | holds |
//! |---|---|
//! | `connector` | requests over our own connections |
//! | `answer` | what the storage answered, and what to do |

mod answer;
mod connector;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use futures_util::StreamExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Name;
use object_store::{BackoffConfig, ObjectStore as _, ObjectStoreExt as _, RetryConfig};
use rescience_digest::{ActionKey, Digest};
use tokio::runtime::{Builder, Runtime};

use crate::access::Access;
use crate::error::{CacheError, Context as _, Result};
use crate::layout::{self, Item};
use crate::shelf::{MOST_TRACES, Sent, Shelf, Sink, Source};
use connector::Connector;

/// The bytes of a part of a large object; smaller ones go over in one piece.
const PART: u64 = 8 << 20;

/// The most parts that an object may have, and some to spare.
const MOST_PARTS: u64 = 9_000;

/// How long a request is sent again; it is not signed again, and signatures grow old.
const LONGEST_RETRIES: Duration = Duration::from_secs(240);

/// Names looked at below a key.
const MOST_NAMES: usize = 100 * MOST_TRACES;

pub(crate) struct Bucket {
    runtime: Runtime,
    client: AmazonS3,
    /// What every name begins with: empty, or with a slash at its end.
    prefix: String,
    place: String,
    /// The key that requests are signed with.
    key_id: Option<String>,
}

impl Bucket {
    pub(crate) fn open(
        bucket: &str,
        prefix: &str,
        place: String,
        access: &Access,
    ) -> Result<Bucket> {
        let (s3, http) = (&access.s3, &access.http);
        let unusable = |reason: String| CacheError::NotACache { place: place.clone(), reason };
        let retries = http.tries.saturating_sub(1);
        let retry = RetryConfig {
            backoff: BackoffConfig {
                init_backoff: http.wait,
                max_backoff: http.longest_wait,
                base: 2.0,
            },
            max_retries: retries as usize,
            retry_timeout: LONGEST_RETRIES,
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(s3.region.as_deref().unwrap_or("us-east-1"))
            .with_retry(retry)
            .with_http_connector(Connector::new(http)?);
        if let Some(endpoint) = &s3.endpoint {
            if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
                let reason = "`AWS_ENDPOINT_URL` does not begin with `https://` or `http://`";
                return Err(unusable(reason.to_owned()));
            }
            builder = builder.with_endpoint(endpoint);
        }
        builder = match (&s3.key_id, &s3.secret) {
            (Some(key_id), Some(secret)) => {
                builder.with_access_key_id(key_id).with_secret_access_key(secret.text())
            }
            // Nobody is asked for other credentials.
            (None, None) => builder.with_skip_signature(true),
            _ => {
                let reason = "of `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` only one is set";
                return Err(unusable(reason.to_owned()));
            }
        };
        if let Some(session) = &s3.session {
            builder = builder.with_token(session.text());
        }
        let client = builder.build().map_err(|error| unusable(answer::reason(&error)))?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| unusable(error.to_string()))?;
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Ok(Bucket { runtime, client, prefix, place, key_id: s3.key_id.clone() })
    }

    /// Whether nothing is below the prefix.
    pub(crate) fn is_empty(&self) -> Result<bool> {
        Ok(self.list("", 1)?.is_empty())
    }

    /// At least the first names below a folder, as far as there are some, without it.
    fn list(&self, folder: &str, most: usize) -> Result<Vec<String>> {
        let prefix = Name::from(format!("{}{folder}", self.prefix));
        let mut names = Vec::new();
        self.runtime.block_on(async {
            let mut found = self.client.list(Some(&prefix));
            while let Some(meta) = found.next().await {
                let meta = meta.map_err(|error| self.refusal("list", folder, &error))?;
                names.extend(meta.location.filename().map(str::to_owned));
                if names.len() >= most {
                    break;
                }
            }
            Ok(names)
        })
    }

    fn name(&self, item: Item) -> Name {
        Name::from(format!("{}{item}", self.prefix))
    }

    /// Whether a file is there, with as many bytes.
    fn holds(&self, item: Item, size: u64) -> Result<bool> {
        match self.runtime.block_on(self.client.head(&self.name(item))) {
            Ok(meta) => Ok(meta.size == size),
            Err(error) if answer::is_missing(&error) => Ok(false),
            Err(error) => Err(self.refusal("look at", item, &error)),
        }
    }

    fn send(&self, item: Item, bytes: Vec<u8>) -> Result<()> {
        let sent = self.runtime.block_on(self.client.put(&self.name(item), bytes.into()));
        sent.map(|_| ()).map_err(|error| self.refusal("write", item, &error))
    }

    /// Sends a large file part by part; it is there once all of them are.
    fn send_parts(&self, item: Item, path: &Path, size: u64) -> Result<()> {
        let refusal = |error| self.refusal("write", item, &error);
        let name = self.name(item);
        let upload = self.runtime.block_on(self.client.put_multipart(&name));
        let mut upload = upload.map_err(refusal)?;
        let part = PART.max(size.div_ceil(MOST_PARTS));
        let sent = (|| {
            let mut file = File::open(path).context("open", path)?;
            let mut left = size;
            while left > 0 {
                let mut bytes = vec![0; part.min(left) as usize];
                file.read_exact(&mut bytes).context("read", path)?;
                left -= bytes.len() as u64;
                self.runtime.block_on(upload.put_part(bytes.into())).map_err(refusal)?;
            }
            self.runtime.block_on(upload.complete()).map_err(refusal)
        })();
        if sent.is_err() {
            // Parts that stay cost somebody money until the bucket's rules sweep them.
            self.runtime.block_on(upload.abort()).ok();
        }
        sent.map(|_| ())
    }

    fn refusal(
        &self,
        action: &'static str,
        item: impl ToString,
        error: &object_store::Error,
    ) -> CacheError {
        CacheError::Place {
            action,
            item: item.to_string(),
            place: self.place.clone(),
            reason: answer::reason(error),
            advice: answer::advice(error, self.key_id.as_deref()),
        }
    }
}

impl Shelf for &Bucket {
    fn traces(&mut self, key: &ActionKey) -> Result<Vec<Digest>> {
        let names = self.list(&layout::traces(key), MOST_NAMES)?;
        let mut traces: Vec<_> = names.iter().filter_map(|name| layout::trace(name)).collect();
        traces.sort();
        Ok(traces)
    }

    fn read(&mut self, item: Item, sink: &mut Sink<'_>) -> Result<bool> {
        let refusal = |error| self.refusal("read", item, &error);
        self.runtime.block_on(async {
            let mut body = match self.client.get(&self.name(item)).await {
                Ok(found) => found.into_stream(),
                Err(error) if answer::is_missing(&error) => return Ok(false),
                Err(error) => return Err(refusal(error)),
            };
            while let Some(chunk) = body.next().await {
                if !sink(&chunk.map_err(refusal)?)? {
                    break;
                }
            }
            Ok(true)
        })
    }

    fn put(&mut self, item: Item, source: Source<'_>) -> Result<Sent> {
        let size = source.size();
        // A later signature takes the place of an earlier one.
        let replaces = matches!(item, Item::Signature(..));
        if !replaces && self.holds(item, size)? {
            return Ok(Sent::Present);
        }
        match source {
            Source::Bytes(bytes) => self.send(item, bytes.to_owned())?,
            Source::File(path, _) if size > PART => self.send_parts(item, path, size)?,
            Source::File(path, _) => {
                self.send(item, std::fs::read(path).context("read", path)?)?;
            }
        }
        Ok(Sent::Moved)
    }

    fn finish(&mut self) -> Result<()> {
        Ok(())
    }
}
