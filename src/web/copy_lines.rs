//! Complete command lines and URLs to copy, for each way to pass a token to the streaming server
//! (Red5: client authentication). They contain no placeholders, so there are none without a stream
//! name, or if the token does not determine the room.

use super::token::app;
use super::views::{CopyLine, Lines};
use crate::config::addresses::ServerUrl;
use crate::domain::grant::Scope;
use crate::domain::names::{Role, RoomName, Transport};

/// ffmpeg's options for a generated picture and sound.
const TEST_PICTURE: &str = "-re -f lavfi -i testsrc2=size=1280x720:rate=30 -f lavfi -i sine=frequency=440 \
                            -c:v libx264 -preset veryfast -bf 0 -g 60 -pix_fmt yuv420p";

/// The lines for a token. Room and stream names have characters that need neither encoding in a URL
/// nor quotes in a shell.
pub fn of(
    token: &str,
    scope: &Scope,
    server: Option<&ServerUrl>,
    stream: Option<&RoomName>,
) -> Lines {
    use Role::{Publisher, Subscriber};
    use Transport::{Rtmp, Rtsp, Whep, Whip};
    let Some(server) = server else {
        return Lines::NoServer;
    };
    // A token for any room also allows streams without a room.
    let app = app(server, scope);
    if app == server.app && !scope.rooms.is_any() {
        return Lines::NeedRoom;
    }
    let Some(stream) = stream else {
        return Lines::NeedStream;
    };
    let ServerUrl {
        protocol,
        host,
        port,
        ..
    } = server;
    let authority = match (protocol.as_str(), port) {
        ("https", 443) | ("http", 80) => host.clone(),
        _ => format!("{host}:{port}"),
    };
    let query = format!("username=jwt&password=jwt&token={token}");
    let endpoint =
        |kind| format!("{protocol}://{authority}/{app}/{kind}/endpoint/{stream}?{query}");
    let rtmp = format!("rtmp://{host}/{app}/{stream}?{query}");
    let sdk = |client, start| {
        format!(
            "const client = new {client}()\nawait client.init({{\n  protocol: \"{protocol}\",\n  \
             host: \"{host}\",\n  port: {port},\n  app: \"{app}\",\n  streamName: \"{stream}\",\n  \
             connectionParams: {{ username: \"jwt\", password: \"jwt\", token: \"{token}\" }}\n}})\n\
             await client.{start}()"
        )
    };
    let transports = scope.transports.named();
    let allows = |role, transport| {
        scope.roles.contains(&role) && transports.is_none_or(|named| named.contains(&transport))
    };
    let mut lines = Vec::new();
    let mut add = |label, text| lines.push(CopyLine { label, text });
    if allows(Publisher, Whip) {
        let ffmpeg = "-profile:v baseline -c:a libopus -ar 48000 -ac 2 -f whip";
        let ffmpeg = format!("ffmpeg {TEST_PICTURE} {ffmpeg} '{}'", endpoint("whip"));
        let label = "WHIP address (OBS: service WHIP, server; no bearer token)";
        add(label, endpoint("whip"));
        add("Red5 HTML5 SDK, publishing", sdk("WHIPClient", "publish"));
        add("ffmpeg 8, a test picture over WHIP", ffmpeg);
    }
    if allows(Publisher, Rtmp) {
        let ffmpeg = format!("ffmpeg {TEST_PICTURE} -c:a aac -f flv '{rtmp}'");
        let server = format!("rtmp://{host}/{app}");
        add("RTMP server (OBS: custom service)", server);
        add("RTMP stream key", format!("{stream}?{query}"));
        add("ffmpeg, a test picture over RTMP", ffmpeg);
    }
    if allows(Subscriber, Whep) {
        add("WHEP address", endpoint("whep"));
        add("Red5 HTML5 SDK, watching", sdk("WHEPClient", "subscribe"));
    }
    if allows(Subscriber, Rtmp) {
        add("ffplay, watching over RTMP", format!("ffplay '{rtmp}'"));
    }
    if Role::ALL.into_iter().any(|role| allows(role, Rtsp)) {
        let label = "RTSP, connection parameters of the mobile SDKs";
        add(label, format!("username=jwt;password=jwt;token={token};"));
    }
    Lines::Ready(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::set::{AnyOr, NonEmpty};

    const TOKEN: &str = "aaa.bbb-_c.ddd";

    fn scope(roles: &[Role], transports: &[Transport], rooms: Option<&[&str]>) -> Scope {
        let room = |name: &&str| RoomName::parse(name).unwrap();
        Scope {
            roles: NonEmpty::new(roles.iter().copied()).unwrap(),
            transports: NonEmpty::new(transports.iter().copied()).map_or(AnyOr::Any, AnyOr::Only),
            rooms: rooms.map_or(AnyOr::Any, |rooms| {
                AnyOr::Only(NonEmpty::new(rooms.iter().map(room)).unwrap())
            }),
        }
    }

    fn server(port: u16) -> ServerUrl {
        ServerUrl {
            protocol: "https".to_owned(),
            host: "media.example.com".to_owned(),
            port,
            app: "live".to_owned(),
        }
    }

    fn made(scope: &Scope, port: u16) -> Vec<String> {
        let stream = RoomName::parse("show.1").unwrap();
        let Lines::Ready(lines) = of(TOKEN, scope, Some(&server(port)), Some(&stream)) else {
            panic!("no lines");
        };
        lines.into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn each_line_is_as_red5_documents_it() {
        let query = format!("username=jwt&password=jwt&token={TOKEN}");
        let publish = scope(&[Role::Publisher], &[Transport::Whip], Some(&["studio-1"]));
        let lines = made(&publish, 443);
        let whip = format!("https://media.example.com/live/studio-1/whip/endpoint/show.1?{query}");
        assert_eq!(lines[0], whip);
        assert!(lines[1].contains("app: \"live/studio-1\",\n  streamName: \"show.1\""));
        assert!(lines[1].ends_with("})\nawait client.publish()"));
        assert!(lines[2].ends_with(&format!("-f whip '{whip}'")));
        let both = [Role::Publisher, Role::Subscriber];
        let rtmp = made(&scope(&both, &[Transport::Rtmp], Some(&["studio-1"])), 443);
        assert_eq!(rtmp[0], "rtmp://media.example.com/live/studio-1");
        assert_eq!(rtmp[1], format!("show.1?{query}"));
        let whole = format!("'rtmp://media.example.com/live/studio-1/show.1?{query}'");
        assert!(rtmp[2].ends_with(&whole) && rtmp[3] == format!("ffplay {whole}"));
        let watch = scope(
            &[Role::Subscriber],
            &[Transport::Whep, Transport::Rtsp],
            None,
        );
        let lines = made(&watch, 8443);
        assert_eq!(
            lines[0],
            format!("https://media.example.com:8443/live/whep/endpoint/show.1?{query}")
        );
        assert_eq!(
            lines[2],
            format!("username=jwt;password=jwt;token={TOKEN};")
        );
    }

    #[test]
    fn there_are_lines_for_what_the_token_allows_and_for_nothing_else() {
        let watch = made(&scope(&[Role::Subscriber], &[], Some(&["a"])), 443).join("\n");
        assert!(watch.contains("whep") && watch.contains("ffplay"));
        assert!(
            !watch.contains("whip") && !watch.contains("WHIPClient") && !watch.contains("ffmpeg")
        );
        let publish = made(&scope(&[Role::Publisher], &[], Some(&["a"])), 443).join("\n");
        assert!(!publish.contains("whep") && !publish.contains("ffplay"));
    }

    #[test]
    fn a_line_that_would_have_to_be_completed_is_not_made() {
        let stream = RoomName::parse("show").unwrap();
        let two = scope(&[Role::Publisher], &[], Some(&["a", "b"]));
        let one = scope(&[Role::Publisher], &[], Some(&["a"]));
        let server = server(443);
        assert_eq!(
            of(TOKEN, &two, Some(&server), Some(&stream)),
            Lines::NeedRoom
        );
        assert_eq!(of(TOKEN, &one, Some(&server), None), Lines::NeedStream);
        assert_eq!(of(TOKEN, &one, None, Some(&stream)), Lines::NoServer);
    }
}
