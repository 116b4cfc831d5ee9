use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use super::*;

#[test]
fn a_file_without_a_certificate_is_refused() {
    install_crypto();
    install_crypto();
    let pace = Pace::default();
    for pem in [
        &b""[..],
        b"nothing",
        b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----",
        // Of the right form, and nothing that is a certificate.
        b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    ] {
        assert_eq!(
            Http::new(Some(pem), &pace).err(),
            Some(SettingsError::Certificate)
        );
    }
    assert!(Http::new(None, &pace).is_ok());
}

#[tokio::test]
async fn jw_3_without_authorities_redirects_are_not_followed_either() {
    install_crypto();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let elsewhere = format!("{address}elsewhere");
    let once = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let _ = socket.read(&mut [0; 4096]).unwrap();
        let head = "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nConnection: close";
        let answer = format!("{head}\r\nLocation: {elsewhere}\r\n\r\n");
        socket.write_all(answer.as_bytes()).unwrap();
    });
    let client = without_authorities(&Pace::default()).unwrap();
    let answer = client.get(&address).send().await.unwrap();
    assert_eq!(answer.status(), 302);
    once.join().unwrap();
}
