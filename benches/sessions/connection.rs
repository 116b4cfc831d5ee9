//! Requests over a connection that stays open.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

pub const ORIGIN: &str = "https://bridge.example";

/// What came back.
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// A connection that stays open. Nothing of it costs more than it must: the load
/// shares the machine with what is measured.
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    pub fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    pub fn get(&mut self, path: &str) -> io::Result<Answer> {
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nHost: bridge.example\r\n\r\n"
        ))
    }

    /// A script's request in a session, by the value of its cookie.
    pub fn api(
        &mut self,
        session: &str,
        method: &str,
        path: &str,
        body: &str,
    ) -> io::Result<Answer> {
        let length = body.len();
        self.ask(&format!(
            "{method} {path} HTTP/1.1\r\nHost: bridge.example\r\nContent-Type: application/json\r\n\
             X-Red5-Bridge: 1\r\nOrigin: {ORIGIN}\r\n\
             Cookie: __Host-bridge_session={session}\r\nContent-Length: {length}\r\n\r\n{body}"
        ))
    }

    fn ask(&mut self, request: &str) -> io::Result<Answer> {
        self.0.get_mut().write_all(request.as_bytes())?;
        let (mut status, mut length, mut line) = (0, 0, String::new());
        loop {
            line.clear();
            if self.0.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().unwrap();
            } else if let Some(number) = line.strip_prefix("content-length: ") {
                length = number.parse().unwrap();
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(Answer {
            status,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }
}
