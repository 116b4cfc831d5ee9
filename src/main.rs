//! `red5-bridge`: the words of the command line are in [`red5_bridge::cli`].

#[actix_web::main]
async fn main() -> std::process::ExitCode {
    red5_bridge::cli::run().await
}
