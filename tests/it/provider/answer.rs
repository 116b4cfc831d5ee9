//! Answers that a provider should not give.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::watch;

use actix_web::HttpResponse;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::StatusCode;
use actix_web::web::Bytes;
use serde_json::Value;
use tokio::time::{Sleep, sleep};

/// What an endpoint says instead, and when.
#[derive(Debug, Clone)]
pub struct Answer {
    when: When,
    instead: Option<Instead>,
}

#[derive(Debug, Clone)]
enum When {
    AtOnce,
    After(Duration),
    /// Once the test lets it go.
    Released(watch::Receiver<bool>),
}

/// Holds answers back, until it is dropped or lets them go.
pub struct Held(watch::Sender<bool>);

impl Held {
    /// Lets the answers go.
    pub fn release(&self) {
        self.0.send_replace(true);
    }
}

#[derive(Debug, Clone)]
struct Instead {
    status: u16,
    headers: Vec<(String, String)>,
    body: Body,
}

#[derive(Debug, Clone)]
enum Body {
    Bytes(Vec<u8>),
    /// So many bytes, of which so many were announced.
    Huge(usize, Option<u64>),
    /// A byte, a pause, a byte, and so on.
    Drip(Duration),
}

impl Answer {
    /// The usual answer, late.
    pub fn late(delay: Duration) -> Self {
        Self {
            when: When::After(delay),
            instead: None,
        }
    }

    /// The usual answer, once the test lets it go.
    pub fn held() -> (Self, Held) {
        let (held, released) = watch::channel(false);
        let answer = Self {
            when: When::Released(released),
            instead: None,
        };
        (answer, Held(held))
    }

    /// A status without a body.
    pub fn status(status: u16) -> Self {
        Self::bytes(status, b"")
    }

    /// A status and these bytes.
    pub fn bytes(status: u16, body: &[u8]) -> Self {
        Self::instead(status, Body::Bytes(body.to_vec()))
    }

    /// A status and this text, as if it were JSON.
    pub fn text(status: u16, body: &str) -> Self {
        Self::bytes(status, body.as_bytes()).header("content-type", "application/json")
    }

    /// A status and a JSON body.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, &body.to_string())
    }

    /// A page, as proxies in between send it.
    pub fn html(status: u16) -> Self {
        Self::bytes(status, b"<!doctype html><title>Bad gateway</title>")
            .header("content-type", "text/html")
    }

    /// A page of one's own words.
    pub fn page(status: u16, html: &str) -> Self {
        Self::instead(status, Body::Bytes(html.as_bytes().to_vec()))
            .header("content-type", "text/html")
    }

    /// 302 to somewhere else.
    pub fn redirect(location: &str) -> Self {
        Self::status(302).header("location", location)
    }

    /// 200 and so many bytes of white space, which JSON allows before anything.
    pub fn huge(bytes: usize) -> Self {
        Self::instead(200, Body::Huge(bytes, None))
    }

    /// The same, and the length is announced.
    pub fn huge_and_said_so(bytes: usize) -> Self {
        Self::instead(200, Body::Huge(bytes, Some(bytes as u64)))
    }

    /// 200 and the connection ends before the announced end.
    pub fn cut_off() -> Self {
        Self::instead(200, Body::Huge(100, Some(1000)))
    }

    /// 200 and a byte every now and then, without end.
    pub fn drip(pause: Duration) -> Self {
        Self::instead(200, Body::Drip(pause))
    }

    /// A header of the answer.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let instead = self.instead.as_mut().expect("an answer of its own");
        instead.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn instead(status: u16, body: Body) -> Self {
        let instead = Instead {
            status,
            headers: Vec::new(),
            body,
        };
        Self {
            when: When::AtOnce,
            instead: Some(instead),
        }
    }

    /// Waits, and gives the answer unless the usual one is to follow. What is
    /// taken off us of a huge one is counted.
    pub async fn give(self, flooded: Arc<AtomicUsize>) -> Option<HttpResponse> {
        match self.when {
            When::AtOnce => {}
            When::After(delay) => sleep(delay).await,
            When::Released(mut released) => {
                // An error: the test holds it no more.
                let _ = released.wait_for(|released| *released).await;
            }
        }
        let instead = self.instead?;
        let mut response = HttpResponse::build(StatusCode::from_u16(instead.status).unwrap());
        for (name, value) in instead.headers {
            response.insert_header((name, value));
        }
        Some(match instead.body {
            Body::Bytes(bytes) => response.body(bytes),
            Body::Huge(left, announced) => response.body(BoxBody::new(Huge {
                left,
                announced,
                flooded,
            })),
            Body::Drip(pause) => response.body(BoxBody::new(Drip {
                pause,
                next: Box::pin(sleep(pause)),
            })),
        })
    }
}

struct Huge {
    left: usize,
    announced: Option<u64>,
    flooded: Arc<AtomicUsize>,
}

impl MessageBody for Huge {
    type Error = actix_web::Error;

    fn size(&self) -> BodySize {
        self.announced.map_or(BodySize::Stream, BodySize::Sized)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let size = self.left.min(64 * 1024);
        self.left -= size;
        self.flooded.fetch_add(size, Ordering::SeqCst);
        Poll::Ready((size > 0).then(|| Ok(Bytes::from(vec![b' '; size]))))
    }
}

struct Drip {
    pause: Duration,
    next: Pin<Box<Sleep>>,
}

impl MessageBody for Drip {
    type Error = actix_web::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        std::task::ready!(self.next.as_mut().poll(context));
        self.next = Box::pin(sleep(self.pause));
        Poll::Ready(Some(Ok(Bytes::from_static(b" "))))
    }
}
