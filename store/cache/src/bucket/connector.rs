//! Requests of `object_store` over our own connections: the same certificates, the same proxy, and
//! no other library for TLS.

use async_trait::async_trait;
use http_body_util::BodyExt as _;
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use reqwest::{Body, Client, Request, Url};
use rescience_exchange::Options;

use crate::error::Result;

/// How much longer than a connection's silence an answer may take: a part of an upload has to get
/// over before there is one.
const PATIENCE: u32 = 5;

#[derive(Debug, Clone)]
pub(super) struct Connector(Client);

impl Connector {
    pub(super) fn new(options: &Options) -> Result<Connector> {
        Ok(Connector(options.client(options.stall.saturating_mul(PATIENCE))?))
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Connector {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (head, body) = request.into_parts();
        let url = Url::parse(&head.uri.to_string());
        let url = url.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        let mut request = Request::new(head.method, url);
        *request.headers_mut() = head.headers;
        *request.body_mut() = Some(Body::wrap(body));
        let answer = self.0.execute(request).await.map_err(lost)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = Body::from(answer).map_err(lost);
        let mut response = HttpResponse::new(HttpResponseBody::new(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}

/// A connection that failed. What was sent is named by its content or replaces itself, so that it
/// can be sent again whatever became of it.
fn lost(error: reqwest::Error) -> HttpError {
    let kind = if error.is_timeout() {
        HttpErrorKind::Timeout
    } else if error.is_connect() {
        HttpErrorKind::Connect
    } else {
        HttpErrorKind::Interrupted
    };
    // The address may hold what gives access.
    HttpError::new(kind, error.without_url())
}
