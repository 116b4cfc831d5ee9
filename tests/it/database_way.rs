//! A way to the database that can be cut, fall silent or swallow notices.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;

use red5_bridge::store::Store;

use crate::eventually::in_time;

/// What `NotificationResponse` begins with (PostgreSQL: message formats).
const NOTIFICATION: u8 = b'A';

#[derive(Clone, Copy, Default)]
struct State {
    /// Connections with a lower number carry nothing any more.
    silent_below: u64,
    /// Answers with these bytes wait.
    hold: Option<&'static str>,
    /// Whether one does.
    holding: bool,
    /// So many notices are still swallowed.
    swallow: u32,
    /// Connections with a lower number are gone.
    cut_below: u64,
}

pub struct Proxy {
    pub url: String,
    state: watch::Sender<State>,
    connections: watch::Receiver<u64>,
    leads_to: Arc<Mutex<PgConnectOptions>>,
}

impl Proxy {
    pub async fn start(database_url: &str) -> Self {
        let options = PgConnectOptions::from_str(database_url).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!(
            "postgres://{}@{}/{}?sslmode=disable",
            options.get_username(),
            listener.local_addr().unwrap(),
            options.get_database().unwrap(),
        );
        let (state, _) = watch::channel(State::default());
        let (count, connections) = watch::channel(0);
        let states = state.clone();
        let leads_to = Arc::new(Mutex::new(options));
        let to = Arc::clone(&leads_to);
        tokio::spawn(async move {
            for number in 0.. {
                let (client, _) = listener.accept().await.unwrap();
                count.send_replace(number + 1);
                let options = to.lock().unwrap().clone();
                tokio::spawn(carry(client, options, number, states.clone()));
            }
        });
        Self {
            url,
            state,
            connections,
            leads_to,
        }
    }

    /// New connections lead there.
    pub fn lead_to(&self, database_url: &str) {
        *self.leads_to.lock().unwrap() = PgConnectOptions::from_str(database_url).unwrap();
    }

    /// The connections there are end; new ones are as good as ever.
    pub fn cut(&self) {
        let cut_below = *self.connections.borrow();
        self.state.send_modify(|state| state.cut_below = cut_below);
    }

    pub fn store(&self) -> Store {
        Store::new(&self.url).unwrap()
    }

    /// The connections there are carry nothing any more, and stay open; new
    /// ones are as good as ever.
    pub fn silence(&self) {
        let silent_below = *self.connections.borrow();
        self.state
            .send_modify(|state| state.silent_below = silent_below);
    }

    /// Answers that contain `text` will wait.
    pub fn hold(&self, text: &'static str) {
        self.state.send_modify(|state| state.hold = Some(text));
    }

    /// Waits until one does.
    pub async fn until_holding(&self) {
        let mut state = self.state.subscribe();
        let holding = state.wait_for(|state| state.holding);
        in_time("an answer is held", holding).await.unwrap();
    }

    /// What was held back goes on.
    pub fn resume(&self) {
        self.state.send_modify(|state| {
            state.silent_below = 0;
            state.hold = None;
        });
    }

    /// The next `notices` are lost on the way.
    pub fn swallow(&self, notices: u32) {
        self.state.send_modify(|state| state.swallow = notices);
    }
}

async fn carry(
    client: TcpStream,
    options: PgConnectOptions,
    number: u64,
    state: watch::Sender<State>,
) {
    client.set_nodelay(true).unwrap();
    let (from_client, to_client) = client.into_split();
    // No server listens: the client is told by the end of its connection.
    let Ok((from_server, to_server)) = server(&options).await else {
        return;
    };
    carry_both(
        from_client,
        to_server,
        from_server,
        to_client,
        number,
        &state,
    )
    .await;
}

type Reading = Box<dyn AsyncRead + Send + Unpin>;
type Writing = Box<dyn AsyncWrite + Send + Unpin>;

/// A connection to the server, at its socket or port.
async fn server(options: &PgConnectOptions) -> std::io::Result<(Reading, Writing)> {
    if let Some(folder) = options.get_socket() {
        let socket = PathBuf::from(folder).join(format!(".s.PGSQL.{}", options.get_port()));
        let (reading, writing) = UnixStream::connect(socket).await?.into_split();
        Ok((Box::new(reading), Box::new(writing)))
    } else {
        let place = (options.get_host(), options.get_port());
        let (reading, writing) = TcpStream::connect(place).await?.into_split();
        Ok((Box::new(reading), Box::new(writing)))
    }
}

async fn carry_both(
    mut from_client: impl AsyncRead + Unpin,
    mut to_server: impl AsyncWrite + Unpin,
    mut from_server: impl AsyncRead + Unpin,
    mut to_client: impl AsyncWrite + Unpin,
    number: u64,
    state: &watch::Sender<State>,
) {
    let mut asked = state.subscribe();
    let mut answered = state.subscribe();
    let requests = async {
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
            let _ = asked.wait_for(|state| number >= state.silent_below).await;
            if to_server.write_all(&buffer[..length]).await.is_err() {
                break;
            }
        }
    };
    let answers = async {
        while let Ok(kind) = from_server.read_u8().await {
            let Ok(length) = from_server.read_u32().await else {
                break;
            };
            let mut body = vec![0; length as usize - 4];
            if from_server.read_exact(&mut body).await.is_err() {
                break;
            }
            let is_held = |state: &State| state.hold.is_some_and(|text| contains(&body, text));
            if is_held(&state.borrow()) {
                state.send_modify(|state| state.holding = true);
            }
            let _ = answered
                .wait_for(|state| number >= state.silent_below && !is_held(state))
                .await;
            if kind == NOTIFICATION && state.send_if_modified(swallow_one) {
                continue;
            }
            let message = [&[kind][..], &length.to_be_bytes(), &body].concat();
            if to_client.write_all(&message).await.is_err() {
                break;
            }
        }
    };
    // Whichever side goes first, the other is told.
    let mut ends = state.subscribe();
    let cut = ends.wait_for(|state| number < state.cut_below);
    tokio::select! { () = requests => {}, () = answers => {}, _ = cut => {} }
}

fn swallow_one(state: &mut State) -> bool {
    let swallowed = state.swallow > 0;
    state.swallow = state.swallow.saturating_sub(1);
    swallowed
}

fn contains(message: &[u8], text: &str) -> bool {
    message
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}
