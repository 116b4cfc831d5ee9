//! The HTTP server, on a thread of its own: it serves whatever runtime the test uses.

use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use actix_web::dev::ServerHandle;
use actix_web::http::KeepAlive;
use actix_web::{App, HttpServer, rt, web};

use super::endpoints;
use super::script::Script;

pub struct Server {
    handle: ServerHandle,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    pub fn start(port: u16, script: Arc<Mutex<Script>>) -> Self {
        let (started, handle) = mpsc::channel();
        let thread = thread::spawn(move || {
            rt::System::new().block_on(async move {
                let script = web::Data::from(script);
                let server = HttpServer::new(move || {
                    App::new()
                        .app_data(script.clone())
                        .app_data(web::PayloadConfig::new(4 * 1024 * 1024))
                        .default_service(web::to(endpoints::serve))
                })
                // One request a connection: what is scripted counts from the next request on.
                .keep_alive(KeepAlive::Disabled)
                .workers(1)
                .disable_signals()
                .shutdown_timeout(0)
                .bind(("127.0.0.1", port))
                .unwrap()
                .run();
                started.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        Self {
            handle: handle.recv().unwrap(),
            thread: Some(thread),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The command is sent by the call; the answer needs no waiting for.
        drop(self.handle.stop(false));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
